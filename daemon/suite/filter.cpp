#include "suite/filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <map>

#include "core/input_error.h"

namespace kvmtest::suite {

namespace {

/// One option's expression.
class Expression {
 public:
  Expression(const std::optional<std::string>& given, const char* fallback, const char* option)
      : explicit_(given.has_value()), re_(given.value_or(fallback), RE2::Quiet) {
    if (!re_.ok()) {
      throw core::InputError(std::string(option) + ": '" + given.value_or("") +
                             "' is no regular expression: " + re_.error());
    }
  }
  [[nodiscard]] bool matches(const std::string& word) const { return RE2::PartialMatch(word, re_); }
  /// The same; what a test does not have is missed only by an expression that was given.
  [[nodiscard]] bool matches_optional(const std::string& word) const {
    return (word.empty() && !explicit_) || matches(word);
  }

 private:
  bool explicit_;
  RE2 re_;
};

}  // namespace

std::vector<Ignored> ignore_by(const Filter& filter, std::vector<LoadedTest>& tests) {
  const Expression kind(filter.kind, "kvmplutotest", "--test-kind");
  const Expression status(filter.status, "good", "--test-status");
  const Expression name(filter.name, "", "--test-name");
  const Expression platform(filter.platform, "", "--test-platform");
  std::vector<Ignored> ignored;
  const auto reason = [&](const Test& test) -> std::string {
    if (!kind.matches_optional(test.kind)) return "kind " + test.kind;
    if (!status.matches_optional(test.status)) return "status " + test.status;
    if (!name.matches(test.name)) return "name";
    for (const std::string& word : test.platforms)
      if (!platform.matches(word)) return "platform " + word;
    return {};
  };
  std::erase_if(tests, [&](const LoadedTest& loaded) {
    std::string why = reason(loaded.test);
    if (why.empty()) return false;
    ignored.push_back({loaded.test.name, std::move(why)});
    return true;
  });
  return ignored;
}

void drop_post_mortem(std::vector<LoadedTest>& tests) {
  for (LoadedTest& loaded : tests) std::erase_if(loaded.test.steps, [](const Step& step) { return step.post_mortem; });
}

void check_any_can_run(const std::vector<LoadedTest>& tests) {
  if (tests.empty()) throw core::InputError("no test is left to run");
  const auto can_run = [](const LoadedTest& loaded) { return loaded.test.obstacle.empty(); };
  if (std::any_of(tests.begin(), tests.end(), can_run)) return;
  const Test& first = tests.front().test;
  throw core::InputError(
      first.name + ": " + first.obstacle +
      (tests.size() > 1 ? "; the " + std::to_string(tests.size() - 1) + " others cannot run either" : ""));
}

std::string told(const std::vector<Ignored>& ignored, std::size_t of) {
  if (ignored.empty()) return {};
  std::map<std::string, std::size_t> counts;
  for (const Ignored& test : ignored) ++counts[test.reason];
  std::string out = std::to_string(ignored.size()) + " of " + std::to_string(of) +
                    (of == 1 ? " test is" : " tests are") + " left out:";
  const char* separator = " ";
  for (const auto& [why, count] : counts) {
    out += separator + std::to_string(count) + " by " + why;
    separator = ", ";
  }
  return out;
}

}  // namespace kvmtest::suite
