#pragma once
// The Test Anything Protocol, versions 12 to 14 (https://testanything.org), and the kernel's
// (Documentation/dev-tools/ktap.rst), with subtests of all levels: indented, or behind "# " as the kernel's
// run_kselftest.sh prints them. docs/formats.md has the rules and their sources. Pure; any thread.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "suite/tap_line.h"

namespace kvmtest::suite {

/// One "ok" or "not ok", and where it stands.
struct TapPoint {
  unsigned level = 0;   ///< 0 of the program itself, 1 of a point's subtest, and so on
  unsigned number = 0;  ///< within its subtest
  bool ok = false;
  bool missing = false;    ///< there is none: a subtest came to no point of its own, and this stands for that
  bool excused = false;    ///< it belongs to a point that was skipped, or is known to fail
  bool explained = false;  ///< a point of its subtest failed as well
  TapDirective directive = TapDirective::none;
  std::string description{};
  std::string reason{};   ///< behind the directive, or behind a # without one
  std::string details{};  ///< its YAML block, without the marks and the indentation
  std::string notes{};    ///< the comments that belong to it, a line each

  /// A point that is not ok counts wherever it stands, unless it was skipped or is known to fail.
  [[nodiscard]] bool failed() const;
  /// One line that may say why it failed: the message of its YAML block, or the first of its comments; may be empty.
  [[nodiscard]] std::string diagnosis() const;
};

/// A whole output.
struct Tap {
  std::vector<TapPoint> points;                  ///< a point, then those of its subtest; at most `most_points`
  std::optional<unsigned> planned;               ///< of level 0
  std::optional<std::string> skipped;            ///< the plan is 1..0: nothing was tested, and why
  std::optional<std::string> bailed_out;         ///< the rest was given up, and why
  std::vector<std::string> bailed_out_within{};  ///< the same of programs behind "# ", each with its name
  /// What is wrong with the output itself, one line each: no plan, points missing or twice. After Bail out! only what
  /// came before it.
  std::vector<std::string> errors;

  static constexpr std::size_t most_points = 100'000;
  static constexpr unsigned deepest = 32;  ///< levels; what is deeper is not looked at
};

/// Whether a program's output is meant to be TAP: it has a version or a plan in any line, a point that is not ok, or a
/// point that says its number or what it is about.
bool looks_like_tap(std::string_view output);

/// Never throws for any bytes; takes time in proportion to their number.
Tap parse_tap(std::string_view output);

}  // namespace kvmtest::suite
