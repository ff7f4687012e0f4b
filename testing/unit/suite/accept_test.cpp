#include <gtest/gtest.h>

#include <random>

#include "suite/transcript.h"

namespace kvmtest::suite {
namespace {

const std::string header = "# title\n# hosts: east west\n\n";

Transcript parse(const std::string& text) { return parse_transcript(text, "x.test", "dir/x"); }

struct Outcome {
  std::string output;
  std::optional<int> status = 0;
};

Execution execution(const std::vector<Outcome>& outcomes) {
  Execution out;
  for (const Outcome& outcome : outcomes) {
    StepResult result;
    result.step = out.results.size();
    result.output = outcome.output;
    result.status = outcome.status;
    out.results.push_back(result);
  }
  return out;
}

Judgement judge_transcript(const Transcript& transcript, const Execution& execution) {
  judge::Effort effort;
  return suite::judge_transcript(transcript, execution, effort);
}

// What accept() makes of commands in `text` whose outcomes are these; checks that the result passes.
std::string accepted(const std::string& text, const std::vector<Outcome>& outcomes) {
  const Execution run = execution(outcomes);
  const std::string now = accept(parse(header + text), run);
  EXPECT_TRUE(now.starts_with(header)) << now;
  EXPECT_EQ(judge_transcript(parse(now), run).issues, std::vector<core::Issue>{}) << now;
  EXPECT_EQ(accept(parse(now), run), now) << "once is enough";
  return now.substr(header.size());
}

TEST(Accept, WritesOutputAndStatus) {
  EXPECT_EQ(accepted("east# a\nwest# b\n", {{"one\ntwo\n"}, {"three\n", 2}}),
            "east# a\none\ntwo\nwest# b\nthree\n[2]\n");
}

TEST(Accept, KeepsWhatMatches) {
  const std::string text = "east# a\ntime=* (glob)\n[0-9]+ (re)\n\\x61 (esc)\n\n# comment  \n\n\nwest# b\n[*]\n";
  EXPECT_EQ(accepted(text, {{"time=3\n17\na\n"}, {"", 7}}), text);
  EXPECT_EQ(accepted("east# a\ntime=* (glob)\nold\n[0-9]+ (re)\n[0]\n\n# comment\n", {{"new\ntime=3\n17\n"}}),
            "east# a\nnew\ntime=* (glob)\n[0-9]+ (re)\n[0]\n\n# comment\n");
  EXPECT_EQ(accepted("east# a\nold\n[*]\n", {{"new\n", 3}}), "east# a\nnew\n[*]\n");
}

TEST(Accept, KeepsAMissingNewlineAtTheEndOfTheFile) {
  EXPECT_EQ(accepted("east# a\nx", {{"x\n"}}), "east# a\nx");
  EXPECT_EQ(accepted("east# a", {{"x\n"}}), "east# a\nx\n");
  EXPECT_EQ(accepted("east# a", {{""}}), "east# a");
  EXPECT_EQ(accepted("east# a\nx", {{""}}), "east# a\n");
}

TEST(Accept, ReplacesStatuses) {
  EXPECT_EQ(accepted("east# a\nx\n[1]\n\nwest# b\n", {{"x\n"}, {""}}), "east# a\nx\n\nwest# b\n");
  EXPECT_EQ(accepted("east# a\nx\n[1]\n", {{"x\n", 2}}), "east# a\nx\n[2]\n");
  EXPECT_EQ(accepted("east# a\n", {{"", 255}}), "east# a\n[255]\n");
}

TEST(Accept, EscapesWhatLooksLikeSyntax) {
  const auto written = [](const std::string& output, int status = 0) {
    return accepted("east# a\n", {{output, status}}).substr(8);
  };
  EXPECT_EQ(written("east# b\n"), "east\\x23 b (esc)\n");
  EXPECT_EQ(written("other(x)# b\n"), "other(x)\\x23 b (esc)\n");
  EXPECT_EQ(written("east#\n"), "east\\x23 (esc)\n");
  EXPECT_EQ(written("root@east:~# ls\n"), "root@east:~# ls\n") << "no host's name";
  EXPECT_EQ(written("> x\n> y\n"), "\\x3e x (esc)\n> y\n");
  EXPECT_EQ(written(">\n"), "\\x3e (esc)\n");
  EXPECT_EQ(written(">"), "\\x3e (esc) (no-eol)\n");
  EXPECT_EQ(written("# x\n"), "# x\n") << "right after a command it is output";
  EXPECT_EQ(written("\n# x\n# y\n"), "\n\\x23 x (esc)\n# y\n");
  EXPECT_EQ(written("[1]\nx\n"), "[1]\nx\n");
  EXPECT_EQ(written("x\n[1]\n"), "x\n[1] (esc)\n");
  EXPECT_EQ(written("x\n[1]\n", 2), "x\n[1]\n[2]\n");
  EXPECT_EQ(written("[1]"), "[1] (no-eol)\n");
  EXPECT_EQ(written("\n"), " (esc)\n");
  EXPECT_EQ(written("\n\n"), "\n (esc)\n");
  EXPECT_EQ(written("x\n\n", 1), "x\n\n[1]\n");
  EXPECT_EQ(written("x (glob)\n"), "x (glob) (esc)\n");
  EXPECT_EQ(written("x (re)"), "x (re) (esc) (no-eol)\n");
  EXPECT_EQ(written("x (no-eol)\n"), "x (no-eol) (esc)\n");
  EXPECT_EQ(written("x \ny\t\n"), "x\\x20 (esc)\ny\\t (esc)\n");
  EXPECT_EQ(written("a\tb\n"), "a\tb\n");
  EXPECT_EQ(written("a\\b\n"), "a\\b\n");
  EXPECT_EQ(written("a\\b\x1b[m\r\n"), "a\\\\b\\e[m\\r (esc)\n");
  EXPECT_EQ(written("gr\xc3\xbc\xc3\x9f \xff\n"), "gr\xc3\xbc\xc3\x9f \\xff (esc)\n");
  EXPECT_EQ(written("\xc0\x80\xed\xa0\x80\n"), "\\xc0\\x80\\xed\\xa0\\x80 (esc)\n") << "neither is UTF-8";
}

TEST(Accept, AKeptLineThatMovedStaysOutput) {
  EXPECT_EQ(accepted("east# a\n[1]\nx\n", {{"[1]\n"}}), "east# a\n[1] (esc)\n");
  EXPECT_EQ(accepted("east# a\n# x\n", {{"\n# x\n"}}), "east# a\n\n\\x23 x (esc)\n");
  EXPECT_EQ(accepted("east# a\nx\n> y\n", {{"> y\n"}}), "east# a\n\\x3e y (esc)\n");
  EXPECT_EQ(accepted("east# a\nx\n\ny\n", {{"x\n\n"}}), "east# a\nx\n (esc)\n");
  EXPECT_EQ(accepted("east# a\n#* (glob)\n", {{"\n#7\n"}}), "east# a\n\n\\x237 (esc)\n");
}

TEST(Accept, LeavesStepsThatDidNotEnd) {
  const std::string text =
      header + "east# a\nold\neast(requires)# b\nold\nwest(background s)# c\nwest# d\nold\nwest# e\nold\n";
  Execution run = execution({{"new\n"}, {"no\n", 1}, {"[1] 17\n"}, {"partial", std::nullopt}});
  run.ending.why = Ending::Why::timeout;
  EXPECT_EQ(accept(parse(text), run),
            header + "east# a\nnew\neast(requires)# b\nold\nwest(background s)# c\nwest# d\nold\nwest# e\nold\n");
}

TEST(Accept, WhatItWritesMatchesWhateverWasPrinted) {
  const std::vector<std::string> pieces{"east# ", "west(x)#", "# ",        "> ", ">",    "[1]",     "[*]", " (esc)",
                                        " (re)",  " (glob)",  " (no-eol)", "\n", "\n",   "\n\n",    " ",   "\t",
                                        "\r\n",   "\\",       "\\x41",     "*",  "word", "\xc3\xa4"};
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 5000; ++round) {
    std::string text = header;
    std::vector<Outcome> outcomes;
    for (auto steps = 1 + random() % 4; steps > 0; --steps) {
      text += random() % 2 == 0 ? "east# a\n" : "west# cat <<END\n> x\n> END\n";
      for (auto lines = random() % 4; lines > 0; --lines) text += random() % 3 == 0 ? "* (glob)\n" : "word\n";
      if (random() % 3 == 0) text += "[1]\n";
      if (random() % 3 == 0) text += "\n# comment\n\n";
      Outcome outcome;
      for (auto n = random() % 20; n > 0; --n) {
        outcome.output +=
            random() % 4 == 0 ? std::string(1, static_cast<char>(random() % 256)) : pieces[random() % pieces.size()];
      }
      outcome.status = random() % 2 == 0 ? 0 : static_cast<int>(random() % 256);
      outcomes.push_back(outcome);
    }
    const Execution run = execution(outcomes);
    const std::string now = accept(parse(text), run);
    const Judgement judgement = judge_transcript(parse(now), run);
    ASSERT_TRUE(judgement.issues.empty())
        << "seed " << seed << ", round " << round << ": " << judgement.issues[0].detail << "\n"
        << now;
    ASSERT_EQ(judgement.diff, "");
    ASSERT_EQ(accept(parse(now), run), now) << "seed " << seed << ", round " << round;
    // The record of a run is a test, too.
    ASSERT_NO_THROW((void)parse(judgement.transcript)) << "seed " << seed << ", round " << round;
    ASSERT_TRUE(judge_transcript(parse(judgement.transcript), run).issues.empty())
        << "seed " << seed << ", round " << round;
  }
}

}  // namespace
}  // namespace kvmtest::suite
