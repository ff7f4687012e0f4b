#include <gtest/gtest.h>

#include "suite/transcript.h"

namespace kvmtest::suite {
namespace {

using core::Issue;
using core::Verdict;
using Issues = std::vector<Issue>;

const std::string header = "# title\n# hosts: east west\n\n";  // commands begin in line 4

Transcript parse(const std::string& text) { return parse_transcript(header + text, "suites/dir/x.test", "dir/x"); }

StepResult result(std::size_t step, std::string output, std::optional<int> status = 0) {
  StepResult out;
  out.step = step;
  out.output = std::move(output);
  out.status = status;
  return out;
}

Judgement judge_transcript(const Transcript& transcript, const Execution& execution) {
  judge::Effort effort;
  return suite::judge_transcript(transcript, execution, effort);
}

TEST(Judge, PassesWhatIsAsExpected) {
  const Judgement judgement =
      judge_transcript(parse("east# a\nx\nwest# b\n[1]\n"), {{result(0, "x\n"), result(1, "", 1)}, {}});
  EXPECT_EQ(judgement.verdict, Verdict::passed);
  EXPECT_EQ(judgement.issues, Issues{});
  EXPECT_EQ(judgement.diff, "");
  EXPECT_EQ(judgement.transcript, "# title\n# hosts: east west\n\neast# a\nx\n\nwest# b\n[1]\n");
  EXPECT_EQ(judgement.clean.at("east"), "east# a\nx\n");
  EXPECT_EQ(judgement.clean.at("west"), "west# b\n[1]\n");
}

TEST(Judge, ShowsWhereOutputDiffers) {
  const Judgement judgement = judge_transcript(parse("east# a\none\n* (glob)\nthree\nwest# b\nx\nwest# c\ny\n"),
                                               {{result(0, "one\ntwo\n3\x01\n"), result(1, "z\n"), result(2, "")}, {}});
  EXPECT_EQ(judgement.verdict, Verdict::failed);
  EXPECT_EQ(judgement.issues, (Issues{{"east", "output-different", "line 7: expected 'three', got '3\\x01'"},
                                      {"west", "output-different", "line 9: expected 'x', got 'z' (and 1 more)"}}));
  EXPECT_EQ(judgement.diff,
            "--- a/suites/dir/x.test\n"
            "+++ b/suites/dir/x.test\n"
            "@@ -4,8 +4,7 @@\n"
            " east# a\n"
            " one\n"
            " * (glob)\n"
            "-three\n"
            "+3\\x01 (esc)\n"
            " west# b\n"
            "-x\n"
            "+z\n"
            " west# c\n"
            "-y\n");
}

TEST(Judge, AMachineThatGoesIsSaidInWords) {
  const auto judged = [](const std::string& lines, const std::string& output, Ending ending) {
    return judge_transcript(parse(lines), {{result(0, output, std::nullopt)}, std::move(ending)});
  };
  Judgement judgement =
      judged("east# reboot -f\neast# x\n", "", {Ending::Why::restarted, "east", "the guest rebooted"});
  EXPECT_EQ(judgement.verdict, Verdict::unresolved);
  EXPECT_EQ(judgement.issues, (Issues{{"east", "EOF",
                                       "line 4: reboot -f: the guest rebooted; a command that is to do so is marked: "
                                       "east(reboot)#"}}));
  judgement = judged("east# exit 3\neast# x\n", "east login: ", {Ending::Why::shell_ended, "east", "it has ended"});
  EXPECT_EQ(judgement.verdict, Verdict::failed);
  EXPECT_EQ(judgement.issues, (Issues{{"east", "shell-ended", "line 4: exit 3: it has ended"}}));
  judgement = judged("east(reboot)# halt\neast# x\n", "", {Ending::Why::not_back, "east", "it is off"});
  EXPECT_EQ(judgement.verdict, Verdict::failed);
  EXPECT_EQ(judgement.issues, (Issues{{"east", "not-rebooted", "line 4: reboot by halt: it is off"}}));
  judgement = judged("east(reboot)#\neast# x\n", "Kernel panic - not syncing: bad\r\n",
                     {Ending::Why::not_back, "east", "its kernel panicked"});
  EXPECT_EQ(judgement.issues, (Issues{{"east", "PANIC", "line 4: reboot: Kernel panic - not syncing: bad"}}));
}

TEST(Judge, WhatARebootPrintsIsNotCompared) {
  const Judgement judgement = judge_transcript(parse("east(reboot)# reboot -f\neast# x\n"),
                                               {{result(0, "reboot: Restarting\n"), result(1, "")}, {}});
  EXPECT_EQ(judgement.verdict, Verdict::passed);
  EXPECT_EQ(judgement.diff, "");
  EXPECT_EQ(judgement.transcript,
            "# title\n# hosts: east west\n\neast(reboot)# reboot -f\nreboot: Restarting\n\neast# x\n");
}

TEST(Judge, SaysWhatIsMissingOrTooMuch) {
  const auto detail = [](const std::string& text, const std::string& output) {
    return judge_transcript(parse(text), {{result(0, output)}, {}}).issues.at(0).detail;
  };
  EXPECT_EQ(detail("east# a\n", "x\n"), "line 4: a: more output than expected: 'x'");
  EXPECT_EQ(detail("east# a\nx\ny\n", "x\n"), "line 6: expected 'y', but the output ends before it");
  EXPECT_EQ(detail("east# a\nx\n", "x"), "line 5: expected 'x', got 'x' without a newline");
  EXPECT_EQ(detail("east# cat <<E\n> 1\n> E\n1\n2\n", "1\n3\n"), "line 8: expected '2', got '3'");
}

TEST(Judge, TellsWhiteSpaceApart) {
  const Judgement judgement = judge_transcript(parse("east# a\na b\n"), {{result(0, "a  b\n")}, {}});
  EXPECT_EQ(judgement.verdict, Verdict::failed);
  EXPECT_EQ(judgement.issues, (Issues{{"east", "output-whitespace", "line 5: expected 'a b', got 'a  b'"}}));
}

TEST(Judge, ComparesStatuses) {
  const Judgement judgement =
      judge_transcript(parse("east# ip link show x\nwest# b\n[*]\n"), {{result(0, "", 1), result(1, "", 9)}, {}});
  EXPECT_EQ(judgement.verdict, Verdict::failed);
  EXPECT_EQ(judgement.issues,
            (Issues{{"east", "status-different", "line 4: ip link show x: exit status 1, expected 0"}}));
  EXPECT_EQ(judgement.diff,
            "--- a/suites/dir/x.test\n+++ b/suites/dir/x.test\n@@ -2,5 +2,6 @@\n # hosts: east west\n \n east# ip link "
            "show x\n"
            "+[1]\n west# b\n [*]\n");
}

TEST(Judge, ATimeOutIsTheTestsFailure) {
  const Execution run{{result(0, "x\n"), result(1, "partial", std::nullopt)},
                      {Ending::Why::timeout, "west", "no prompt within 30s"}};
  const Judgement judgement = judge_transcript(parse("east# a\nx\nwest# sleep 99\nz\nwest# c\ny\n"), run);
  EXPECT_EQ(judgement.verdict, Verdict::failed);
  EXPECT_EQ(judgement.issues, (Issues{{"west", "TIMEOUT", "line 6: sleep 99: no prompt within 30s"}}));
  EXPECT_EQ(judgement.diff, "");
  EXPECT_EQ(judgement.clean.at("west"),
            "west# sleep 99\npartial (no-eol)\n\n# no prompt came back: no prompt within 30s\n");
  EXPECT_NO_THROW((void)parse_transcript(judgement.transcript, "x", "x"));
}

TEST(Judge, AClosedConsoleIsUnresolved) {
  const Execution run{{result(0, "", std::nullopt)}, {Ending::Why::console_closed, "east", "the console closed"}};
  const Judgement judgement = judge_transcript(parse("east# a\nwest# b\ny\n"), run);
  EXPECT_EQ(judgement.verdict, Verdict::unresolved);
  EXPECT_EQ(judgement.issues, (Issues{{"east", "EOF", "line 4: a: the console closed"}}));
}

TEST(Judge, APanicIsTheTestsFailure) {
  const std::string output = "x\n[   12.3] Kernel panic - not syncing: sysrq\r\n[   12.4] CPU: 0\n";
  const auto judged = [&](Ending::Why why) {
    return judge_transcript(parse("east# a\n"), {{result(0, output, std::nullopt)}, {why, "east", "gone"}});
  };
  EXPECT_EQ(judged(Ending::Why::console_closed).verdict, Verdict::failed);
  EXPECT_EQ(judged(Ending::Why::console_closed).issues,
            (Issues{{"east", "PANIC", "line 4: a: Kernel panic - not syncing: sysrq"}}));
  EXPECT_EQ(judged(Ending::Why::timeout).verdict, Verdict::failed);
  EXPECT_EQ(judged(Ending::Why::timeout).issues.size(), 2U);
  const Judgement printed = judge_transcript(parse("east# a\nKernel panic - not syncing\n"),
                                             {{result(0, "Kernel panic - not syncing\n")}, {}});
  EXPECT_EQ(printed.verdict, Verdict::passed) << "a prompt came back: the test printed it";
}

TEST(Judge, RequirementsNotMetMakeATestUnsupported) {
  const Execution run{{result(0, "not found\n", 127)}, {Ending::Why::unsupported, "east", "requires"}};
  const Judgement judgement = judge_transcript(parse("east(requires)# a\nwest# b\ny\n"), run);
  EXPECT_EQ(judgement.verdict, Verdict::unsupported);
  EXPECT_EQ(judgement.issues, (Issues{{"east", "unsupported", "line 4: a: exit status 127"}}));
  EXPECT_EQ(judgement.diff, "");
  EXPECT_EQ(judge_transcript(parse("east(requires)# a\n"), {{result(0, "")}, {}}).verdict, Verdict::passed);
}

TEST(Judge, SaysThatOutputWasCut) {
  StepResult cut = result(0, "x\n");
  cut.truncated = true;
  const Judgement judgement = judge_transcript(parse("east# a\nx\n"), {{cut}, {}});
  EXPECT_EQ(judgement.verdict, Verdict::failed);
  EXPECT_EQ(judgement.issues,
            (Issues{{"east", "output-truncated", "line 4: a: more output than limits.capture keeps"}}));
}

TEST(Judge, CollectedOutputIsComparedWhereItIsCollected) {
  const Transcript transcript = parse("east(background s)# a\nwest# b\neast(collect s)#\nx\n");
  EXPECT_EQ(judge_transcript(transcript, {{result(0, "[1] 99\n"), result(1, ""), result(2, "x\n")}, {}}).verdict,
            Verdict::passed);
  EXPECT_EQ(judge_transcript(transcript, {{result(1, ""), result(2, "x\n")}, {}}).verdict, Verdict::passed);
  const Judgement judgement = judge_transcript(transcript, {{result(0, ""), result(1, ""), result(2, "y\n", 3)}, {}});
  EXPECT_EQ(judgement.issues, (Issues{{"east", "status-different", "line 6: collect s: exit status 3, expected 0"},
                                      {"east", "output-different", "line 7: expected 'x', got 'y'"}}));
}

TEST(Judge, AResultThatIsMissingForNoReasonIsUnresolved) {
  const Transcript transcript = parse("east# a\nwest# b\n");
  EXPECT_EQ(judge_transcript(transcript, {{result(0, "")}, {}}).issues,
            (Issues{{"west", "output-missing", "line 5: b: has no result"}}));
  EXPECT_EQ(judge_transcript(transcript, {{result(0, ""), result(1, "", std::nullopt)}, {}}).verdict,
            Verdict::unresolved);
  EXPECT_EQ(judge_transcript(transcript, {{result(0, ""), result(1, ""), result(99, "")}, {}}).verdict,
            Verdict::passed);
}

TEST(Judge, LongTranscriptsAndOutputsAreBounded) {
  std::string text;
  std::string output;
  for (int i = 0; i < 1500; ++i)
    text += "east# echo " + std::to_string(i) + "\nline " + std::to_string(i) + " * (glob)\n";
  const Transcript transcript = parse(text);
  Execution run;
  for (std::size_t i = 0; i < 1500; ++i) run.results.push_back(result(i, "line " + std::to_string(i) + " x\n"));
  judge::Effort effort;
  EXPECT_EQ(suite::judge_transcript(transcript, run, effort).verdict, Verdict::passed);
  EXPECT_LT(effort.needed(), 8 * text.size());
  EXPECT_EQ(effort.refined(), 0U);

  for (int i = 0; output.size() < (16U << 20); ++i) output += "line " + std::to_string(i) + "\n";
  judge::Effort effort_of_long;
  const Judgement judgement =
      suite::judge_transcript(parse("east# a\nline 5\nx\nline * (glob)\n"), {{result(0, output)}, {}}, effort_of_long);
  EXPECT_EQ(judgement.verdict, Verdict::failed);
  EXPECT_LT(effort_of_long.needed(), 8 * output.size());
  EXPECT_LT(effort_of_long.refined(), judge::Effort::most_refining + output.size());
  // Of what nobody expects, people see the beginning.
  ASSERT_EQ(judgement.issues.size(), 2U);
  EXPECT_EQ(judgement.issues[1].name, judge::issue::output_truncated);
  EXPECT_TRUE(judgement.issues[1].detail.starts_with("line 4: a: more than 100000 lines that are not expected; the "))
      << judgement.issues[1].detail;
  EXPECT_NE(judgement.diff.find("\n+>>>>>>>>>> "), std::string::npos);
  EXPECT_LT(judgement.diff.size(), 2U << 20U);
}

}  // namespace
}  // namespace kvmtest::suite
