#include "suite/selection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <random>
#include <set>
#include <utility>

#include "core/input_error.h"

namespace kvmtest::suite {
namespace {

constexpr std::array<std::pair<Order, std::string_view>, 6> orders{{{Order::automatic, "auto"},
                                                                    {Order::listed, "listed"},
                                                                    {Order::reverse, "reverse"},
                                                                    {Order::longest, "longest"},
                                                                    {Order::failed, "failed"},
                                                                    {Order::shuffle, "shuffle"}}};

bool has_tag(const LoadedTest& test, const std::vector<std::string>& tags) {
  return std::any_of(tags.begin(), tags.end(), [&](const std::string& tag) {
    return std::find(test.test.tags.begin(), test.test.tags.end(), tag) != test.test.tags.end();
  });
}

void check_tags(const std::vector<LoadedTest>& tests, const std::vector<std::string>& wanted) {
  std::set<std::string> known;
  for (const LoadedTest& test : tests) known.insert(test.test.tags.begin(), test.test.tags.end());
  for (const std::string& tag : wanted)
    if (!known.contains(tag))
      throw core::InputError("no test has the tag '" + tag + "'" + core::did_you_mean(tag, known));
}

std::vector<LoadedTest> only(const std::vector<LoadedTest>& tests, const std::vector<std::string>& names) {
  std::vector<LoadedTest> out;
  for (const std::string& name : names) {
    const auto found =
        std::find_if(tests.begin(), tests.end(), [&](const LoadedTest& test) { return test.test.name == name; });
    if (found == tests.end()) throw core::InputError("no test is named '" + name + "'");
    out.push_back(*found);
  }
  return out;
}

/// Sorts by `rank`, the lowest first; equals stay as they are.
template <class Rank>
void sort_by(std::vector<LoadedTest>& tests, Rank rank) {
  std::stable_sort(tests.begin(), tests.end(),
                   [&](const LoadedTest& a, const LoadedTest& b) { return rank(a.test.name) < rank(b.test.name); });
}

void put_in_order(std::vector<LoadedTest>& tests, Order order, const Selection& selection, const Past& past) {
  switch (order) {
    case Order::automatic:
    case Order::listed: break;
    case Order::reverse: std::reverse(tests.begin(), tests.end()); break;
    case Order::longest:
      sort_by(tests, [&](const std::string& name) {
        const auto known = past.durations.find(name);
        return known == past.durations.end() ? core::Duration::min() : -known->second;
      });
      break;
    case Order::failed:
      sort_by(tests, [&](const std::string& name) {
        const auto known = past.passed.find(name);
        if (known == past.passed.end()) return 1;
        return known->second ? 2 : 0;
      });
      break;
    case Order::shuffle: {
      // Not std::shuffle, whose order is another one with every library.
      std::mt19937_64 random(selection.seed);
      for (std::size_t left = tests.size(); left > 1; --left) std::swap(tests[left - 1], tests[random() % left]);
      break;
    }
  }
}

}  // namespace

std::string_view to_string(Order order) {
  for (const auto& [value, word] : orders)
    if (value == order) return word;
  return "unknown";
}

void parse_order(std::string_view text, std::string_view origin, std::uint64_t fresh_seed, Selection& selection) {
  const std::size_t equals = text.find('=');
  const std::string_view word = text.substr(0, equals);
  const auto found =
      std::find_if(orders.begin(), orders.end(), [&](const auto& entry) { return entry.second == word; });
  std::vector<std::string_view> words;
  for (const auto& entry : orders) words.push_back(entry.second);
  if (found == orders.end())
    throw core::InputError(std::string(origin) + ": unknown order '" + std::string(word) + "'" +
                           core::did_you_mean(word, words) +
                           "; there are auto, listed, reverse, longest, failed and shuffle[=SEED]");
  selection.order = found->first;
  selection.seed = fresh_seed;
  if (equals == std::string_view::npos) return;
  const std::string_view seed = text.substr(equals + 1);
  const auto [end, error] = std::from_chars(seed.data(), seed.data() + seed.size(), selection.seed);
  if (selection.order != Order::shuffle || error != std::errc() || end != seed.data() + seed.size())
    throw core::InputError(std::string(origin) + ": '" + std::string(text) +
                           "': only shuffle takes a seed, a whole number: shuffle=4711");
}

std::string order_text(const Selection& selection) {
  const std::string word(to_string(selection.order));
  return selection.order == Order::shuffle ? word + "=" + std::to_string(selection.seed) : word;
}

void check(const Selection& selection) {
  const bool repeated = selection.repeat != 1 || selection.until_fail;
  if (selection.retries > 0 && repeated)
    throw core::InputError(
        "--retries and --repeat or --until-fail exclude each other: one looks for a pass, the other "
        "for a failure");
  if (selection.repeat == 0 && !selection.until_fail)
    throw core::InputError("--repeat: at least 1; without end only with --until-fail");
}

Order resolved(const Selection& selection, const Past& past) {
  if (!selection.only.empty()) return Order::listed;
  if (selection.order != Order::automatic) return selection.order;
  return past.durations.empty() || !selection.start_at.empty() ? Order::listed : Order::longest;
}

std::vector<LoadedTest> choose(std::vector<LoadedTest> tests, const Selection& selection, const Past& past) {
  check(selection);
  if (!selection.only.empty()) return only(tests, selection.only);
  if (!selection.tags.empty()) {
    check_tags(tests, selection.tags);
    std::erase_if(tests, [&](const LoadedTest& test) { return !has_tag(test, selection.tags); });
  }
  put_in_order(tests, resolved(selection, past), selection, past);
  if (selection.start_at.empty()) return tests;
  const auto first = std::find_if(tests.begin(), tests.end(),
                                  [&](const LoadedTest& test) { return test.test.name == selection.start_at; });
  if (first == tests.end()) {
    std::vector<std::string> names;
    for (const LoadedTest& test : tests) names.push_back(test.test.name);
    throw core::InputError("--start-at: no test of the run is named '" + selection.start_at + "'" +
                           core::did_you_mean(selection.start_at, names));
  }
  tests.erase(tests.begin(), first);
  return tests;
}

}  // namespace kvmtest::suite
