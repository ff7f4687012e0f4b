#include "judge/expected.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace kvmtest::judge {
namespace {

Alignment against(const std::vector<std::string>& expected, std::string_view output) {
  std::vector<ExpectedLine> lines;
  for (const std::string& line : expected) lines.push_back(parse_expected(line));
  Effort effort;
  return compare(lines, output, effort);
}

bool matches(const std::string& expected, std::string_view output) { return against({expected}, output).equal; }

std::string error_of(const std::string& line) {
  try {
    (void)parse_expected(line);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

TEST(Expected, ALiteralLineIsItself) {
  EXPECT_TRUE(matches("a * [b] \\ (c)", "a * [b] \\ (c)\n"));
  EXPECT_FALSE(matches("a", "b\n"));
  EXPECT_FALSE(matches("a", "a \n"));
  EXPECT_TRUE(matches("(glob)", "(glob)\n")) << "a suffix has a space before it";
  EXPECT_TRUE(matches("a (globs)", "a (globs)\n"));
}

TEST(Expected, AGlobHasRunsAndSingleCharacters) {
  EXPECT_TRUE(matches("time=* ms (glob)", "time=0.123 ms\n"));
  EXPECT_TRUE(matches("* (glob)", "\n"));
  EXPECT_TRUE(matches("a?c (glob)", "abc\n"));
  EXPECT_TRUE(matches("a?c (glob)", "aäc\n")) << "one character, not one byte";
  EXPECT_TRUE(matches("a?c (glob)",
                      "a\xff"
                      "c\n"))
      << "a byte that is no character counts as one";
  EXPECT_FALSE(matches("a?c (glob)", "ac\n"));
  EXPECT_TRUE(matches("a\\*b (glob)", "a*b\n"));
  EXPECT_FALSE(matches("a\\*b (glob)", "axb\n"));
  EXPECT_TRUE(matches("a\\\\b\\? (glob)", "a\\b?\n"));
  EXPECT_TRUE(matches("*a*b*c (glob)", "xxaxxbxxabxc\n"));
  EXPECT_FALSE(matches("*a*b*c (glob)", "xxaxxbxxabxcd\n"));
  EXPECT_TRUE(matches("[ab] (glob)", "[ab]\n")) << "no classes";
  EXPECT_TRUE(matches("a\\ (glob)", "a\\\n")) << "a backslash at the end is itself";
  EXPECT_FALSE(matches("*?? (glob)", "€\n")) << "a run ends between characters";
  EXPECT_TRUE(matches("*?€? (glob)", "ä€€ä\n"));
}

TEST(Expected, ARegularExpressionMatchesTheWholeLine) {
  EXPECT_TRUE(matches("[0-9]+ packets? (re)", "12 packets\n"));
  EXPECT_FALSE(matches("[0-9]+ packets? (re)", "12 packets lost\n"));
  EXPECT_EQ(error_of("( (re)"), "bad regular expression: missing ): (");
}

TEST(Expected, EscapesStandForBytes) {
  EXPECT_TRUE(matches("a\\tb\\r\\e\\\\\\x00\\xfF (esc)", std::string_view("a\tb\r\x1b\\\0\xff\n", 9)));
  EXPECT_TRUE(matches(" (esc)", "\n"));
  EXPECT_EQ(error_of("a\\n (esc)"), "unknown escape '\\n'; there are \\t \\r \\e \\\\ and \\xHH");
  EXPECT_EQ(error_of("a\\x0a (esc)"), "a line cannot hold a line feed");
  EXPECT_EQ(error_of("a\\x1 (esc)"), "\\x takes two hexadecimal digits");
  EXPECT_EQ(error_of("a\\xg0 (esc)"), "\\x takes two hexadecimal digits");
  EXPECT_EQ(error_of("a\\ (esc)"), "an escape is unfinished; a backslash is written \\\\");
}

TEST(Expected, ANewlineAtTheEndCounts) {
  EXPECT_TRUE(matches("a (no-eol)", "a"));
  EXPECT_FALSE(matches("a (no-eol)", "a\n"));
  EXPECT_FALSE(matches("a", "a"));
  EXPECT_TRUE(matches("a* (glob) (no-eol)", "abc"));
  EXPECT_TRUE(matches("a\\x20 (esc) (no-eol)", "a "));
  EXPECT_TRUE(matches("a (no-eol) (esc)", "a (no-eol)\n")) << "only the last suffix counts";
}

TEST(Expected, NothingMatchesNothing) {
  EXPECT_TRUE(against({}, "").equal);
  EXPECT_FALSE(against({}, "\n").equal);
  EXPECT_FALSE(against({""}, "").equal);
  EXPECT_TRUE(against({""}, "\n").equal);
}

TEST(Compare, PairsWhatMatches) {
  const Alignment alignment = against({"a", "* (glob)", "c", "d"}, "a\nx\nnew\nd\n");
  EXPECT_FALSE(alignment.equal);
  EXPECT_FALSE(alignment.whitespace_only);
  using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;
  EXPECT_EQ(alignment.pairs, (Pairs{{0, 0}, {1, 1}, {3, 3}}));
}

TEST(Compare, TellsWhiteSpaceFromTheRest) {
  EXPECT_TRUE(against({"a b", "c"}, "a  b \nc\n").whitespace_only);
  EXPECT_TRUE(against({"a", "b"}, "a\n\nb\n").whitespace_only);
  EXPECT_TRUE(against({"a", "", "b"}, "a\nb").whitespace_only);
  EXPECT_TRUE(against({"a * c (glob)", "\\t (esc)"}, "a b  c\n").whitespace_only);
  EXPECT_TRUE(against({"a"}, "a\r\n").whitespace_only);
  EXPECT_FALSE(against({"a b"}, "a c\n").whitespace_only);
  EXPECT_FALSE(against({"a", "b"}, "a\n").whitespace_only);
  EXPECT_FALSE(against({"a"}, "a\nb\n").whitespace_only);
  EXPECT_FALSE(against({"a"}, "a\n").whitespace_only) << "equal is not different";
}

}  // namespace
}  // namespace kvmtest::judge
