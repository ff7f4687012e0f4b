#pragma once
// Text for people: safe for a terminal, wrapped, with readable times. Pure; any thread.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/record.h"
#include "core/time.h"
#include "core/verdict.h"

namespace kvmtest::report {

/// What the reader's terminal can show.
struct Options {
  bool color = false;
  unsigned width = 80;  ///< columns; prose is wrapped to it, names and paths are never broken
};

/// Parameters of the control sequence that chooses how characters look (SGR).
namespace look {
inline constexpr const char* plain = "";
inline constexpr const char* bold = "1";
inline constexpr const char* faint = "2";
inline constexpr const char* red = "1;31";
inline constexpr const char* green = "1;32";
inline constexpr const char* yellow = "1;33";
inline constexpr const char* removed = "31";  ///< in a diff
inline constexpr const char* added = "32";
inline constexpr const char* place = "36";
}  // namespace look

/// `text` in that look; as it is where no color is wanted.
std::string painted(const Options& options, std::string_view text, const char* how);

/// `text` with everything a terminal might act on made visible: C0, C1 and DEL as \xNN (\n, \r and \t by name), bytes
/// that are not UTF-8 as \xNN, line separators, direction changes and what is no character as \u{NNNN}. A backslash
/// stays as it is.
std::string escaped(std::string_view text);

/// The same, but lines stay lines: \n and \t stay, and a \r before a \n goes.
std::string escaped_lines(std::string_view text);

/// A prefix as people write it: '' for the empty one.
std::string prefix_text(std::string_view prefix);
/// Of several: "a. b. ''"; where they are many, "16 from a. to p.".
std::string prefixes_text(const std::vector<std::string>& prefixes);

/// "east: output-different: line 5": an issue in one line, not escaped.
std::string issue_text(const core::Issue& issue);

/// "used 1.20 s of processor time, starved 0.40 s (east 0.40 s, west 0.10 s), stood still for
/// 2.00 s", not escaped; empty: nothing is known.
std::string use_text(const std::vector<core::record::HostUse>& hosts, core::Duration frozen);

/// How many columns of a terminal `text` takes: 2 for wide characters, 0 for those that join the one before. Without
/// control characters.
std::size_t columns(std::string_view text);

/// The beginning, or the end, of `text` in at most `width` columns; "..." stands for what is left out.
std::string cut_end(std::string_view text, std::size_t width);
std::string cut_begin(std::string_view text, std::size_t width);

/// `text` broken at spaces into lines of at most `width` columns; lines after the first begin with `indent` spaces, and
/// `used` columns of the first are taken already. A word longer than a line stays whole. No \n at the end.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent, std::size_t used);

/// `value` as part of `largest`, drawn in at most `width` columns; something is never drawn as nothing.
std::string bar(double value, double largest, std::size_t width);

/// Columns that are left of the width, at least `least`.
std::size_t rest(const Options& options, std::size_t used, std::size_t least);

/// "0.42 s", "3 min 12.4 s", "2 h 03 min".
std::string duration_text(core::Duration duration);

}  // namespace kvmtest::report
