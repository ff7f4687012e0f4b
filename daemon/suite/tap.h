#pragma once
// The Test Anything Protocol, versions 12 to 14, as https://testanything.org describes it. Pure; any thread.
//
// Subtests and YAML blocks, which are indented, are not looked at: a subtest counts by the point of its parent.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvmtest::suite {

/// One "ok" or "not ok".
struct TapPoint {
  enum class Directive { none, skip, todo };

  unsigned number = 0;
  bool ok = false;
  Directive directive = Directive::none;
  std::string description;
  std::string reason;      ///< behind the directive
  std::string diagnostic;  ///< the first "# …" line after it

  /// A point that is not ok counts unless it was skipped, or is known to fail.
  [[nodiscard]] bool failed() const { return !ok && directive == Directive::none; }
};

/// A whole output.
struct Tap {
  std::vector<TapPoint> points;  ///< in the order they came, at most `most_points`
  std::optional<unsigned> planned;
  std::optional<std::string> skipped;     ///< the plan is 1..0: nothing was tested, and why
  std::optional<std::string> bailed_out;  ///< the rest was given up, and why
  /// What is wrong with the output itself, one line each: no plan, points missing or twice. Empty after Bail out!
  std::vector<std::string> errors;

  static constexpr std::size_t most_points = 100'000;
};

/// Whether a program's output is meant to be TAP: it begins with a version, a plan or a numbered point, comments and
/// empty lines apart, or has a plan in any line.
bool looks_like_tap(std::string_view output);

/// Never throws for any bytes.
Tap parse_tap(std::string_view output);

}  // namespace kvmtest::suite
