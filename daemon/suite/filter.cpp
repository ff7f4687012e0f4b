#include "suite/filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "core/input_error.h"

namespace kvmtest::suite {

namespace {

/// An option's expression, and those that tests bring along for where it is not given.
class Expression {
 public:
  Expression(const std::optional<std::string>& given, const char* option) {
    if (!given) return;
    given_.emplace(*given, RE2::Quiet);
    if (!given_->ok())
      throw core::InputError(std::string(option) + ": '" + *given + "' is no regular expression: " + given_->error());
  }
  [[nodiscard]] bool is_given() const { return given_.has_value(); }
  [[nodiscard]] bool matches(const std::string& word, const std::string& otherwise) {
    const RE2& re = given_ ? *given_ : others_.try_emplace(otherwise, otherwise, RE2::Quiet).first->second;
    return RE2::PartialMatch(word, re);
  }

 private:
  std::optional<RE2> given_;
  std::map<std::string, RE2> others_;  ///< each compiled once
};

/// The value of an attribute that does not match; nothing: each does. What a test does not have matches unless an
/// expression was given; then it is as good as `absent`.
std::optional<std::string> mismatch(const Test& test, std::string_view attribute, Expression& expression,
                                    const std::vector<std::string>& absent) {
  const Attribute* found = test.attribute(attribute);
  if (found == nullptr && !expression.is_given()) return std::nullopt;
  for (const std::string& word : found == nullptr ? absent : found->values)
    if (!expression.matches(word, found == nullptr ? "" : found->wanted)) return word;
  return std::nullopt;
}

}  // namespace

std::vector<Ignored> ignore_by(const Filter& filter, std::vector<LoadedTest>& tests) {
  Expression kind(filter.kind, "--test-kind");
  Expression status(filter.status, "--test-status");
  Expression name(filter.name, "--test-name");
  Expression platform(filter.platform, "--test-platform");
  std::vector<Ignored> ignored;
  const auto reason = [&](const Test& test) -> std::string {
    if (const auto word = mismatch(test, attribute::kind, kind, {""})) return "kind " + *word;
    if (const auto word = mismatch(test, attribute::status, status, {""})) return "status " + *word;
    if (!name.matches(test.name, "")) return "name";
    // A test of no platform runs on all of them.
    if (const auto word = mismatch(test, attribute::platform, platform, {})) return "platform " + *word;
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
