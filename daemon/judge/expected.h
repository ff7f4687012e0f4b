#pragma once
// Expected output: lines of a test, and whether lines of actual output are as they say. Pure; any thread.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "judge/effort.h"

namespace kvmtest::judge {

enum class Match {
  literal,
  glob,  ///< "(glob)": * any run, ? one character, \ takes the next as it is
  re,    ///< "(re)": RE2, the whole line
  esc,   ///< "(esc)": \t \r \e \\ \xHH
};

/// One line of expectation.
struct ExpectedLine {
  std::string text;  ///< as written, suffixes included, without the newline
  Match match = Match::literal;
  bool newline = true;        ///< false with "(no-eol)": the last line, which output ends without a newline
  std::size_t body_size = 0;  ///< bytes of `text` before the suffixes

  [[nodiscard]] std::string_view body() const { return std::string_view(text).substr(0, body_size); }
};

/// Reads the suffixes of a line. Throws std::invalid_argument with a message for a bad pattern or escape.
ExpectedLine parse_expected(std::string text);

/// The bytes that an "(esc)" body stands for. Throws std::invalid_argument.
std::string unescape(std::string_view body);

/// Output, split. `newline` says whether the last line ended with one (true when there are no lines).
struct Lines {
  std::vector<std::string_view> lines;  ///< into the text given
  bool newline = true;
  std::string_view rest{};  ///< what stands behind the last line that is told
};
/// Of the first `most` lines.
Lines split_lines(std::string_view text, std::size_t most = std::string_view::npos);

/// How expected lines and actual ones go together.
struct Alignment {
  bool equal = false;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;  ///< (expected, actual) that match, rising in both
  bool whitespace_only = false;                            ///< not equal, but would be with white space left out
  std::size_t compared = 0;                                ///< bytes of the output: there were too many lines for all
};

/// Compares expected lines with output. Whether they are equal takes steps in proportion to the output; which lines of
/// unequal ones go together is refining, and coarse when there is no more of that (judge/diff.h). Lines that surpass
/// what is expected are compared up to the surplus of `effort`.
Alignment compare(const std::vector<ExpectedLine>& expected, std::string_view output, Effort& effort);

}  // namespace kvmtest::judge
