#pragma once
// Single lines of TAP and KTAP. Pure; any thread. Internal to suite/.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace kvmtest::suite {

/// What stands behind a point's #. SKIP and TODO are TAP's, the others KTAP's and the kselftests'.
enum class TapDirective : std::uint8_t { none, skip, todo, xfail, xpass, timeout, error };

struct TapVersionLine {
  bool kernel = false;  ///< "KTAP version 1": a plan may be left out
};
struct TapPlanLine {
  unsigned count = 0;
  std::string reason{};
};
struct TapPointLine {
  std::optional<unsigned> number;
  bool ok = false;
  TapDirective directive = TapDirective::none;
  std::string description{};
  std::string reason{};
};
struct TapBailOutLine {
  std::string reason{};
};
struct TapPragmaLine {
  bool on = false;
  std::string key{};
};
/// What a line is, when it is no comment, not part of a YAML block, and means something.
using TapLine = std::variant<TapVersionLine, TapPlanLine, TapPointLine, TapBailOutLine, TapPragmaLine>;

/// Reads a line without its indentation and without blanks at its end. Nothing: it is no TAP.
std::optional<TapLine> tap_line(std::string_view line);

/// The name in "# Subtest: name", "" of "# Subtest"; nothing for another comment.
std::optional<std::string> tap_subtest_name(std::string_view comment);

/// The output as its lines are to be read: no colours and other sequences of terminals, no byte order mark, and LF
/// where there were CR LF or CR.
std::string tap_text(std::string_view output);

}  // namespace kvmtest::suite
