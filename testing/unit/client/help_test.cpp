// --help fits a terminal of 100 columns, whatever the texts.

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include <CLI/CLI.hpp>

#include "client/command_line.h"
#include "core/wrapped.h"

namespace kvmtest::client {
namespace {

using core::wrapped;

std::string words(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : " ") + std::string("word");
  return text;
}

TEST(Wrapped, EndsEachLineAtABlank) {
  EXPECT_EQ(wrapped("one two three", 7), "one two\nthree\n");
  EXPECT_EQ(wrapped("one two three", 8), "one two\nthree\n");
  EXPECT_EQ(wrapped("one two three", 13), "one two three\n");
  EXPECT_EQ(wrapped("", 7), "");
}

TEST(Wrapped, KeepsLineFeeds) { EXPECT_EQ(wrapped("one\n\ntwo three\n", 5), "one\n\ntwo\nthree\n"); }

TEST(Wrapped, BeginsEachLineAsTold) { EXPECT_EQ(wrapped("one two", 6, "# "), "# one\n# two\n"); }

TEST(Wrapped, NeverBreaksAWord) { EXPECT_EQ(wrapped("unbreakable is", 4), "unbreakable\nis\n"); }

TEST(Help, HasNoLineOfMoreThan100Columns) {
  Command program("Does this. " + words(40));
  program.footer("And that:\n" + words(40));
  bool flag = false;
  std::string value;
  program.add_flag("--flag", flag, words(40));
  program.add_option("--an-option-with-quite-a-long-name", value, words(40));
  program.add_verb("verb", words(40), [] {});

  std::istringstream help(program.app().help());
  std::size_t lines = 0;
  for (std::string line; std::getline(help, line); ++lines) EXPECT_LE(line.size(), 100U) << line;
  EXPECT_GT(lines, 15U);
}

TEST(Help, StandsBesideTheNames) {
  Command program("Does this.");
  bool flag = false;
  program.add_flag("--flag", flag, words(15));
  const std::string indent(30, ' ');
  EXPECT_NE(program.app().help().find("  --flag" + std::string(22, ' ') + words(14) + "\n" + indent + "word\n"),
            std::string::npos)
      << program.app().help();
}

}  // namespace
}  // namespace kvmtest::client
