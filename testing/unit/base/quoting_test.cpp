#include "base/quoting.h"

#include <cstdio>

#include <gtest/gtest.h>

namespace kvmtest::base {
namespace {

/// What a shell makes of a word.
std::string read_by_shell(const std::string& word) {
  FILE* pipe = popen(("printf %s " + word).c_str(), "r");
  std::string out;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) out.push_back(static_cast<char>(c));
  pclose(pipe);
  return out;
}

TEST(Quoting, AShellReadsTheTextBack) {
  for (const std::string text :
       {"plain", "it's", "'", "a b", "$HOME `x` \\ \"q\"", "*", "#no", "~", "two\nlines", "!"}) {
    EXPECT_EQ(read_by_shell(shell_quoted(text)), text);
    EXPECT_EQ(read_by_shell(shell_word(text)), text);
  }
}

TEST(Quoting, AWordForAShellIsAlwaysQuoted) {
  EXPECT_EQ(shell_quoted("plain"), "'plain'");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
}

TEST(Quoting, AWordForPeopleIsQuotedWhereItMustBe) {
  EXPECT_EQ(shell_word("a.east"), "a.east");
  EXPECT_EQ(shell_word("--report=junit:x/y.xml"), "--report=junit:x/y.xml");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("a b"), "'a b'");
}

}  // namespace
}  // namespace kvmtest::base
