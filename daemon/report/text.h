#pragma once
// Text for people: safe for a terminal, wrapped, with readable times. Pure; any thread.

#include <cstddef>
#include <string>
#include <string_view>

#include "core/time.h"

namespace kvmtest::report {

/// `text` with everything a terminal might act on made visible: C0, C1 and DEL as \xNN (\n, \r and \t by name), bytes
/// that are not UTF-8 as \xNN, line separators, direction changes and what is no character as \u{NNNN}. A backslash
/// stays as it is.
std::string escaped(std::string_view text);

/// The same, but lines stay lines: \n and \t stay, and a \r before a \n goes.
std::string escaped_lines(std::string_view text);

/// `text` broken at spaces into lines of at most `width` columns (a character is taken for a column); lines after the
/// first begin with `indent` spaces, and `used` columns of the first are taken already. A word longer than a line stays
/// whole. No \n at the end.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent, std::size_t used);

/// "0.42 s", "3 min 12.4 s", "2 h 03 min".
std::string duration_text(core::Duration duration);

}  // namespace kvmtest::report
