#include "planning/choice.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <random>
#include <set>
#include <utility>

#include "core/input_error.h"

namespace kvmtest::planning {

using suite::LoadedTest;

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

void put_in_order(std::vector<LoadedTest>& tests, Order order, std::uint64_t seed, const Past& past) {
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
      std::mt19937_64 random(seed);
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

Ordering parse_ordering(std::string_view text, std::string_view origin, std::uint64_t fresh_seed) {
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
  Ordering ordering{found->first, fresh_seed};
  if (equals == std::string_view::npos) return ordering;
  const std::string_view seed = text.substr(equals + 1);
  const auto [end, error] = std::from_chars(seed.data(), seed.data() + seed.size(), ordering.seed);
  if (ordering.order != Order::shuffle || error != std::errc() || end != seed.data() + seed.size())
    throw core::InputError(std::string(origin) + ": '" + std::string(text) +
                           "': only shuffle takes a seed, a whole number: shuffle=4711");
  return ordering;
}

std::string to_string(const Ordering& ordering) {
  const std::string word(to_string(ordering.order));
  return ordering.order == Order::shuffle ? word + "=" + std::to_string(ordering.seed) : word;
}

std::string Wanted::told() const { return suite::told(ignored, loaded); }

Wanted wanted(std::vector<LoadedTest> loaded, const Choice& choice) {
  const std::size_t all = loaded.size();
  Wanted out{std::move(loaded), {}, all};
  out.ignored = suite::ignore_by(choice.filter, out.tests);
  const std::set<std::string> left_out(choice.left_out.begin(), choice.left_out.end());
  std::erase_if(out.tests, [&](const LoadedTest& test) { return left_out.contains(test.test.name); });
  return out;
}

bool wanted(const Earlier& earlier, core::Verdict verdict) {
  const auto among = [&](const std::vector<std::string>& words) {
    return std::find(words.begin(), words.end(), core::to_string(verdict)) != words.end();
  };
  return !among(earlier.skip) && (earlier.result.empty() || among(earlier.result));
}

std::vector<std::string> leave_out(const Earlier& earlier, const std::vector<core::Verdict>& verdicts,
                                   std::vector<LoadedTest>& tests) {
  std::vector<std::string> out;
  std::vector<LoadedTest> left;
  for (std::size_t i = 0; i < tests.size(); ++i) {
    if (wanted(earlier, verdicts.at(i)))
      left.push_back(std::move(tests[i]));
    else
      out.push_back(tests[i].test.name);
  }
  tests = std::move(left);
  return out;
}

void check_any_can_run(const std::vector<LoadedTest>& tests) {
  if (tests.empty()) throw core::InputError("no test is left to run");
  const auto can_run = [](const LoadedTest& loaded) { return loaded.test.obstacle.empty(); };
  if (std::any_of(tests.begin(), tests.end(), can_run)) return;
  const suite::Test& first = tests.front().test;
  throw core::InputError(
      first.name.string() + ": " + first.obstacle +
      (tests.size() > 1 ? "; the " + std::to_string(tests.size() - 1) + " others cannot run either" : ""));
}

Order resolved(const Choice& choice, const Past& past) {
  if (!choice.only.empty()) return Order::listed;
  if (choice.ordering.order != Order::automatic) return choice.ordering.order;
  return past.durations.empty() || !choice.start_at.empty() ? Order::listed : Order::longest;
}

std::vector<LoadedTest> in_order(std::vector<LoadedTest> tests, const Choice& choice, const Past& past) {
  if (!choice.only.empty()) return only(tests, choice.only);
  if (!choice.tags.empty()) {
    check_tags(tests, choice.tags);
    std::erase_if(tests, [&](const LoadedTest& test) { return !has_tag(test, choice.tags); });
  }
  put_in_order(tests, resolved(choice, past), choice.ordering.seed, past);
  if (choice.start_at.empty()) return tests;
  const auto first = std::find_if(tests.begin(), tests.end(),
                                  [&](const LoadedTest& test) { return test.test.name == choice.start_at; });
  if (first == tests.end()) {
    std::vector<std::string> names;
    for (const LoadedTest& test : tests) names.push_back(test.test.name);
    throw core::InputError("--start-at: no test of the run is named '" + choice.start_at + "'" +
                           core::did_you_mean(choice.start_at, names));
  }
  tests.erase(tests.begin(), first);
  return tests;
}

bool looks_at_hosts_afterwards(const Choice& choice, std::size_t tests) {
  return choice.post_mortem.value_or(tests > 1);
}

std::vector<LoadedTest> choose(std::vector<LoadedTest> tests, const Choice& choice, const Past& past) {
  check_any_can_run(tests);
  return in_order(std::move(tests), choice, past);
}

std::vector<LoadedTest> choose_again(std::vector<LoadedTest> tests, const std::vector<std::string>& names,
                                     const std::string& run) {
  check_any_can_run(tests);
  std::map<std::string, LoadedTest> by_name;
  for (LoadedTest& loaded : tests) by_name.emplace(loaded.test.name, std::move(loaded));
  std::vector<LoadedTest> out;
  for (const std::string& name : names) {
    auto found = by_name.extract(name);
    if (found.empty()) throw core::InputError(run + " cannot go on: its test " + name + " is gone");
    out.push_back(std::move(found.mapped()));
  }
  return out;
}

std::string ordering_told(const Choice& choice, const Past& past) {
  switch (resolved(choice, past)) {
    case Order::longest: return "order: longest first, by what the tests took before";
    case Order::failed: return "order: first what did not pass the last time, then what never ran";
    case Order::reverse: return "order: reverse";
    case Order::shuffle: return "order: random; --order " + to_string(choice.ordering) + " gives the same again";
    case Order::automatic:
    case Order::listed: break;
  }
  return {};
}

}  // namespace kvmtest::planning
