#include "suite/program.h"

#include <gtest/gtest.h>

namespace kvmtest::suite {
namespace {

using core::Issue;
using core::Verdict;
using Issues = std::vector<Issue>;
using Words = std::vector<std::string>;
using namespace std::chrono_literals;

const std::set<std::string> hosts{"east", "west", "nic"};

std::optional<Test> described(const std::string& text) { return parse_program(text, "s/x.sh", "s/x.sh", &hosts); }
std::vector<Test> list(const std::string& text) { return parse_list(text, "s/l.tests", "l", "/s", &hosts); }

template <class Parse>
std::string error(Parse parse, const std::string& text) {
  try {
    (void)parse(text);
  } catch (const core::InputError& caught) {
    return caught.what();
  }
  return "no error";
}

TEST(Program, IsDescribedByTheCommentAtItsTop) {
  const auto test = described(
      "#!/bin/sh\n# SPDX-License-Identifier: MIT\n#\n# Two hosts talk\n# hosts: west east\n\n# note: free text\n"
      "# timeout: 5s\n# tags: smoke slow\necho hello\n# hosts: nic\n");
  ASSERT_TRUE(test);
  EXPECT_EQ(test->name, "s/x.sh");
  EXPECT_EQ(test->title, "Two hosts talk");
  EXPECT_EQ(test->hosts, (Words{"west", "east"}));
  EXPECT_EQ(test->limit, 5s);
  EXPECT_EQ(test->tags, (Words{"smoke", "slow"}));
  EXPECT_TRUE(described("// hosts: east\nint main() {}\n"));
  EXPECT_TRUE(described("-- hosts: east\n"));
}

TEST(Program, WithoutHostsIsNoTest) {
  EXPECT_FALSE(described("#!/bin/sh\necho\n# hosts: east\n"));
  EXPECT_FALSE(described(""));
  EXPECT_FALSE(
      described(std::string("\x7f"
                            "ELF\0\0# hosts: east\n",
                            20)));
}

TEST(Program, MistakesInItsDescriptionSayWhere) {
  EXPECT_EQ(error(described, "#!/bin/sh\n# host: east\n"),
            "s/x.sh:2: unknown header 'host:' (did you mean 'hosts'?); there are command-timeout hosts kernel-warnings "
            "tags timeout");
  EXPECT_EQ(error(described, "# hosts: esat\n"),
            "s/x.sh:1: unknown host 'esat' (did you mean 'east'?); there are east nic west");
  EXPECT_EQ(error(described, "# usage: x\n# note: y\n"), "no error");
}

TEST(Program, AListSaysWhatItsTestsNeed) {
  const auto tests = list(
      "# Throughput\n# hosts: east west\n# timeout: 1m\n\ntcp: ./run --tcp: fast\n"
      "udp (timeout 5s, hosts east nic, tags slow): ./run --udp # not a comment\n");
  ASSERT_EQ(tests.size(), 2U);
  EXPECT_EQ(tests[0].name, "l/tcp");
  EXPECT_EQ(tests[0].title, "Throughput");
  EXPECT_EQ(tests[0].hosts, (Words{"east", "west"}));
  EXPECT_EQ(tests[0].limit, 60s);
  EXPECT_EQ(tests[0].program->command, (Words{"/bin/sh", "-c", "./run --tcp: fast"}));
  EXPECT_EQ(tests[0].program->directory, "/s");
  EXPECT_EQ(tests[1].hosts, (Words{"east", "nic"}));
  EXPECT_EQ(tests[1].limit, 5s);
  EXPECT_EQ(tests[1].tags, Words{"slow"});
}

TEST(Program, MistakesInAListSayWhere) {
  const std::string top = "# title\n# hosts: east\n";
  EXPECT_EQ(error(list, top), "s/l.tests:2: the list has no test; one looks like 'name: command'");
  EXPECT_EQ(
      error(list, top + "a b: c\n"),
      "s/l.tests:3: a line is 'name: command', or 'name(options): command'; a name has letters, digits and . _ - + "
      "only");
  EXPECT_EQ(error(list, top + "a: c\na: d\n"), "s/l.tests:4: 'a' is in line 3 already");
  EXPECT_EQ(error(list, top + "a\n"), "s/l.tests:3: after 'a' comes ': command'");
  EXPECT_EQ(error(list, top + "a:\n"), "s/l.tests:3: there is no command after 'a:'");
  EXPECT_EQ(error(list, top + "a(timeout 5s: c\n"), "s/l.tests:3: the options of 'a' have no ')'");
  EXPECT_EQ(error(list, top + "a(host east): c\n"),
            "s/l.tests:3: unknown option 'host' (did you mean 'hosts'?); there are hosts tags timeout");
  EXPECT_EQ(error(list, top + "a(hosts east, ): c\n"), "s/l.tests:3: unknown option ''; there are hosts tags timeout");
  EXPECT_EQ(error(list, top + "a(tags): c\n"), "s/l.tests:3: option 'tags' has no value");
  EXPECT_EQ(error(list, top + "a(tags x, tags y): c\n"), "s/l.tests:3: option 'tags' is given twice");
  EXPECT_EQ(error(list, "a: c\n"),
            "s/l.tests:1: nothing says which hosts 'a' needs: '# hosts: east west' at the top of the list, or 'a(hosts "
            "east west): …'");
}

Judgement judged(ProgramResult result, Ending ending = {}) {
  Test test;
  test.hosts = {"east"};
  Execution execution;
  execution.program = std::move(result);
  execution.ending = std::move(ending);
  return judge_program(test.hosts, execution);
}

TEST(Program, IsJudgedByItsExitStatus) {
  EXPECT_EQ(judged({.output = "ok\n", .status = 0}).verdict, Verdict::passed);
  EXPECT_EQ(judged({.errors = "a\nno route\n\n", .status = 3}).issues,
            (Issues{{"", "status-different", "exit status 3, expected 0: no route"}}));
  const Judgement skipped = judged({.output = "no module\n", .status = 77});
  EXPECT_EQ(skipped.verdict, Verdict::unsupported);
  EXPECT_EQ(skipped.issues, (Issues{{"", "unsupported", "exit status 77: no module"}}));
  EXPECT_EQ(judged({.signal = 11}).issues, (Issues{{"", "signal", "SIGSEGV"}}));
  EXPECT_EQ(judged({.signal = 11}).verdict, Verdict::failed);
}

TEST(Program, ThatDidNotEndOrStartSaysSo) {
  const Judgement slow = judged({.signal = 15}, {Ending::Why::timeout, {}, "the test's limit of 5 s passed"});
  EXPECT_EQ(slow.verdict, Verdict::failed);
  EXPECT_EQ(slow.issues, (Issues{{"", "TIMEOUT", "the test's limit of 5 s passed"}}));
  const Judgement missing = judged({}, {Ending::Why::completed, {}, "/s/x: No such file or directory"});
  EXPECT_EQ(missing.verdict, Verdict::unresolved);
  EXPECT_EQ(missing.issues, (Issues{{"", "not-started", "/s/x: No such file or directory"}}));
  // One that reached its limit may have said something before.
  EXPECT_EQ(judged({.output = "1..2\nnot ok 1 - a\n", .signal = 9}, {Ending::Why::timeout, {}, "late"}).issues.size(),
            2U);
}

TEST(Program, EachPointOfItsTapIsAResult) {
  const Judgement judgement =
      judged({.output = "1..4\nok 1 - up\nnot ok 2 - ping\n# lost\nok 3 # SKIP x\nnot ok 4 # TODO y\n", .status = 0});
  EXPECT_EQ(judgement.verdict, Verdict::failed);
  EXPECT_EQ(judgement.issues, (Issues{{"", "point-failed", "2 - ping: lost"}}));
  ASSERT_EQ(judgement.points.size(), 4U);
  EXPECT_EQ(judgement.points[1].result, "not ok");
  EXPECT_EQ(judgement.points[2].result, "skip");
  EXPECT_EQ(judgement.points[3].result, "todo");
  EXPECT_EQ(judgement.points[3].reason, "y");
}

TEST(Program, ItsTapHasToBeComplete) {
  EXPECT_EQ(judged({.output = "1..2\nok 1\n", .status = 0}).issues,
            (Issues{{"", "tap-invalid", "planned 2 points, but 1 came; the first that is missing is 2"}}));
  EXPECT_EQ(judged({.output = "ok 1\n", .status = 0}).verdict, Verdict::failed);
  EXPECT_EQ(judged({.output = "1..1\nok 1\n", .status = 1}).issues,
            (Issues{{"", "status-different", "exit status 1, expected 0"}}));
  EXPECT_EQ(judged({.output = "1..0 # SKIP no kernel\n", .status = 0}).verdict, Verdict::unsupported);
  EXPECT_EQ(judged({.output = "1..3\nBail out! no net\n", .status = 0}).issues, (Issues{{"", "bailed-out", "no net"}}));
  EXPECT_EQ(judged({.output = "1..1\nok 1\n", .truncated = true, .status = 0}).issues,
            (Issues{{"", "output-truncated", "more output than limits.capture keeps"}}));
  // What is no TAP may be as long as it likes.
  EXPECT_EQ(judged({.output = "words\n", .truncated = true, .status = 0}).verdict, Verdict::passed);
}

TEST(Program, PointsOfAllLevelsCount) {
  const Judgement judgement =
      judged({.output = "1..2\n# selftests: net: a\n# TAP version 13\n# 1..2\n# ok 1 one\n# not ok 2 two\n"
                        "ok 1 selftests: net: a\nnot ok 2 selftests: net: b # TIMEOUT 45 seconds\n",
              .status = 0});
  EXPECT_EQ(judgement.issues, (Issues{{"", "point-failed", "1.2 - two (in selftests: net: a)"},
                                      {"", "point-failed", "2 - selftests: net: b: TIMEOUT 45 seconds"}}));
  EXPECT_EQ(judgement.points, (std::vector<core::Point>{{1, "selftests: net: a", "ok"},
                                                        {1, "one", "ok", "", 1},
                                                        {2, "two", "not ok", "", 1},
                                                        {2, "selftests: net: b", "timeout", "45 seconds"}}));
}

TEST(Program, AFailureIsToldWhereItIsAndOnce) {
  EXPECT_EQ(judged({.output = "1..1\n    1..1\n    not ok 1 - in\nnot ok 1 - out\n", .status = 0}).issues,
            (Issues{{"", "point-failed", "1.1 - in (in out)"}}));
  EXPECT_EQ(judged({.output = "1..1\n    1..1\n    ok 1 - in\nnot ok 1 - out\n", .status = 0}).issues,
            (Issues{{"", "point-failed", "1 - out"}}));
}

TEST(Program, WhatOnlySkippedTestedNothing) {
  const Judgement none = judged({.output = "1..2\nok 1 # SKIP no disk\nok 2 # SKIP no net\n", .status = 0});
  EXPECT_EQ(none.verdict, Verdict::unsupported);
  EXPECT_EQ(none.issues, (Issues{{"", "unsupported", "every point was skipped: no disk"}}));
  EXPECT_EQ(judged({.output = "1..2\nok 1 # SKIP no disk\nok 2\n", .status = 0}).verdict, Verdict::passed);
  EXPECT_EQ(judged({.output = "1..1\n    ok 1 # SKIP x\n    1..1\nok 1 - out\n", .status = 0}).verdict,
            Verdict::unsupported);
  EXPECT_EQ(judged({.output = "1..3\nok 1 # SKIP no disk\n", .status = 0}).verdict, Verdict::failed);
}

TEST(Program, ExpectedFailuresAndUnexpectedSuccessesAreTold) {
  const Judgement judgement =
      judged({.output = "1..3\nnot ok 1 # XFAIL a\nok 2 # TODO b\nok 3 # XPASS c\n", .status = 0});
  EXPECT_EQ(judgement.verdict, Verdict::passed);
  EXPECT_EQ(judgement.points,
            (std::vector<core::Point>{{1, "", "xfail", "a"}, {2, "", "xpass", "b"}, {3, "", "xpass", "c"}}));
}

TEST(Program, AFailedPointIsOneWhateverTheExitStatusSays) {
  const Judgement judgement = judged({.output = "not ok 1 - a\n", .status = 77});
  EXPECT_EQ(judgement.verdict, Verdict::failed);
  EXPECT_EQ(judgement.issues,
            (Issues{{"", "point-failed", "1 - a"}, {"", "unsupported", "exit status 77: not ok 1 - a"}}));
}

TEST(Program, TellsItsFirstFailuresAndCountsTheRest) {
  std::string output = "1..150\n";
  for (int i = 1; i <= 150; ++i) output += "not ok\n";
  const Judgement judgement = judged({.output = output, .status = 0});
  EXPECT_EQ(judgement.issues.size(), 100U);
  EXPECT_EQ(judgement.issues.back().detail, "100 (and 50 more)");
  EXPECT_EQ(judgement.points.size(), 150U);
}

TEST(Program, KeepsWhatItPrintedAndRan) {
  const Judgement judgement =
      judged({.output = "a", .errors = "b\n", .status = 0, .consoles = {{"east", "east# x\n"}}});
  EXPECT_EQ(judgement.transcript, "a\n==== standard error\nb\n");
  EXPECT_EQ(judgement.clean.at("east"), "east# x\n");
}

}  // namespace
}  // namespace kvmtest::suite
