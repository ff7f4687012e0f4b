#include "report/progress.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace kvmtest::report {
namespace {

using namespace core::record;
using namespace std::chrono_literals;
using core::AttemptId;
using core::Domain;
using core::Duration;
using core::Host;
using core::Prefix;
using core::Ticket;
using core::Verdict;

/// A run in virtual time: records at `now`, and what is drawn then.
class ProgressTest : public ::testing::Test {
 protected:
  void start(std::vector<std::string> prefixes, std::vector<std::string> tests, unsigned repeat = 1) {
    RunStarted run;
    run.prefixes = std::move(prefixes);
    run.tests = std::move(tests);
    run.settings = fmt::format(R"({{"selection":{{"repeat":{}}}}})", repeat);
    take(run);
  }
  void take(Body body) { progress.take({.run = 7, .sequence = ++sequence, .time = now, .body = std::move(body)}); }
  void pass(Duration time) { now += time; }

  void queue(const char* prefix, const char* host, const char* method = "boot", const char* test = "") {
    ResetQueued queued;
    queued.domain = {Prefix(prefix), Host(host)};
    queued.method = method;
    queued.test = test;
    take(queued);
  }
  void reset(const char* prefix, const char* host, unsigned attempt, const char* method = "boot") {
    ResetStarted started;
    started.domain = {Prefix(prefix), Host(host)};
    started.method = method;
    started.attempt = AttemptId(attempt);
    take(started);
  }
  void ready(const char* prefix, const char* host, unsigned attempt) {
    ResetFinished finished;
    finished.domain = {Prefix(prefix), Host(host)};
    finished.attempt = AttemptId(attempt);
    take(finished);
  }
  void begin(const char* prefix, unsigned attempt, const std::string& test, unsigned number = 1) {
    take(TestStarted{AttemptId(attempt), test, Prefix(prefix), number});
  }
  void judge(const char* prefix, unsigned attempt, const std::string& test, Verdict verdict, Split split = {},
             bool final = true) {
    AttemptJudged judged;
    judged.attempt = AttemptId(attempt);
    judged.test = test;
    judged.prefix = Prefix(prefix);
    judged.verdict = verdict;
    judged.split = split;
    judged.final = final;
    take(judged);
  }

  [[nodiscard]] std::string drawn(unsigned width = 79, unsigned height = 24, bool color = false) const {
    return fmt::format("{}\n", fmt::join(progress.frame(now, {color, width}, height), "\n"));
  }

  Progress progress;
  core::WallTime now{1'000'000s};
  std::int64_t sequence = 0;
};

/// One test passed, one is running, one prefix is being reset, one was given up.
class InTheMiddle : public ProgressTest {
 protected:
  InTheMiddle() {
    start({"a.", "b.", "c.", ""}, {"netlab/ping-east", "netlab/gre", "netlab/ipip", "netlab/sit", "netlab/vlan"});
    progress.expect({{{"netlab/ping-east", 2100ms}, {"netlab/gre", 10s}, {"netlab/ipip", 4s}}, 1s});
    take(Sample{.load = 1.94, .cpu = 0.87});
    queue("a.", "east");
    reset("a.", "east", 1);
    pass(3s);
    ready("a.", "east", 1);
    begin("a.", 1, "netlab/ping-east");
    pass(2s);
    queue("b.", "east", "restore");
    queue("b.", "west", "load");
    queue("b.", "north", "load");
    reset("b.", "east", 2, "restore");
    reset("b.", "west", 2, "load");
    queue("a.", "east", "load");
    judge("a.", 1, "netlab/ping-east", Verdict::passed, {.waiting = 0s, .reset = 3s, .test = 2s});
    ready("a.", "east", 3);
    begin("a.", 3, "netlab/gre");
    take(PrefixQuarantined{Prefix(""), "3 host faults in a row"});
    pass(12300ms);
  }
};

TEST_F(ProgressTest, ThereIsNothingBeforeTheRunAndAfterIt) {
  EXPECT_TRUE(progress.frame(now, {}, 24).empty());
  start({"a."}, {"netlab/gre"});
  EXPECT_FALSE(progress.frame(now, {}, 24).empty());
  take(RunFinished{});
  EXPECT_TRUE(progress.frame(now, {}, 24).empty());
}

TEST_F(InTheMiddle, AtEightyColumns) {
  EXPECT_EQ(drawn(),
            "a.  netlab/gre                                               12 s, usually 10 s\n"
            "b.  restoring east; resetting west; waiting for a slot: north              12 s\n"
            "c.  waiting\n"
            "''  no longer used: 3 host faults in a row\n"
            "[###########----------------------------------------------] 1/5  about 5 s left\n"
            "1 passed; after 17 s; load 1.9, processors 87 %\n");
}

TEST_F(InTheMiddle, OnAWideTerminalNameAndTimeStayTogether) {
  EXPECT_EQ(drawn(199), "a.  netlab/gre" + std::string(68, ' ') + "12 s, usually 10 s\n" +
                            "b.  restoring east; resetting west; waiting for a slot: north" + std::string(35, ' ') +
                            "12 s\n" +
                            "c.  waiting\n"
                            "''  no longer used: 3 host faults in a row\n"
                            "[############------------------------------------------------] 1/5  about 5 s left\n"
                            "1 passed; after 17 s; load 1.9, processors 87 %\n");
}

TEST_F(InTheMiddle, AtFortyColumns) {
  EXPECT_EQ(drawn(39),
            "a.  netlab/gre                12 s/10 s\n"
            "b.  restoring east; resetting ...  12 s\n"
            "c.  waiting\n"
            "''  no longer used: 3 host faults in...\n"
            "[####-------------------] 1/5  5 s left\n"
            "1 passed; after 17 s; load 1.9\n");
}

TEST_F(InTheMiddle, NeverTakesMoreThanThereIs) {
  for (unsigned width = 0; width < 120; ++width)
    for (unsigned height = 0; height < 9; ++height) {
      const auto lines = progress.frame(now, {false, width}, height);
      EXPECT_LE(lines.size(), height);
      for (const std::string& line : lines) EXPECT_LE(columns(line), width) << line;
    }
}

TEST_F(InTheMiddle, ColorsTakeNoColumns) {
  std::string colored = drawn(79, 24, true);
  EXPECT_NE(colored.find("\x1b[1ma.\x1b[0m"), std::string::npos);
  EXPECT_NE(colored.find("\x1b[1;32m1 passed\x1b[0m"), std::string::npos);
  for (auto at = colored.find('\x1b'); at != std::string::npos; at = colored.find('\x1b'))
    colored.erase(at, colored.find('m', at) - at + 1);
  EXPECT_EQ(colored, drawn());
}

TEST_F(InTheMiddle, ALowTerminalKeepsTheBar) {
  EXPECT_EQ(drawn(39, 4),
            "a.  netlab/gre                12 s/10 s\n"
            "and 3 more prefixes\n"
            "[####-------------------] 1/5  5 s left\n"
            "1 passed; after 17 s; load 1.9\n");
  EXPECT_EQ(drawn(39, 1), "[####-------------------] 1/5  5 s left\n");
}

TEST_F(InTheMiddle, AResumedRunBeginsNothingTwice) {
  take(RunResumed{1, 2});
  EXPECT_NE(drawn().find("a.  waiting\nb.  waiting\n"), std::string::npos) << drawn();
  EXPECT_EQ(progress.decided(), 1U);
}

TEST_F(ProgressTest, APrefixGoesThroughItsStates) {
  start({"a."}, {"netlab/gre", "netlab/sit"});
  EXPECT_NE(drawn().find("a.  waiting\n"), std::string::npos);
  queue("a.", "east");
  pass(500ms);
  EXPECT_NE(drawn().find("a.  waiting for a slot: east "), std::string::npos);
  reset("a.", "east", 1);
  EXPECT_NE(drawn().find("a.  booting east "), std::string::npos);
  ResetFailed failed;
  failed.domain = {Prefix("a."), Host("east")};
  failed.again = true;
  take(failed);
  EXPECT_NE(drawn().find("a.  waiting for a slot: east "), std::string::npos);
  reset("a.", "east", 1);
  ready("a.", "east", 1);
  EXPECT_NE(drawn().find("a.  ready: east "), std::string::npos);
  begin("a.", 1, "netlab/gre", 2);
  EXPECT_NE(drawn().find("a.  netlab/gre (attempt 2) "), std::string::npos);
  judge("a.", 1, "netlab/gre", Verdict::failed);
  EXPECT_NE(drawn().find("a.  waiting\n"), std::string::npos);
  queue("a.", "east", "load", "netlab/sit");
  reset("a.", "east", 2, "load");
  EXPECT_NE(drawn().find("a.  resetting east "), std::string::npos);
  // It never came up: judged without having begun.
  judge("a.", 2, "netlab/sit", Verdict::unresolved);
  EXPECT_NE(drawn().find("a.  nothing left to do\n"), std::string::npos) << drawn();
}

TEST_F(ProgressTest, NamesTheTestThatAResetIsForWhereThereIsRoom) {
  start({"a."}, {"netlab/tunnels/gre-over-ipv6"});
  queue("a.", "east", "load", "netlab/tunnels/gre-over-ipv6");
  reset("a.", "east", 1, "load");
  EXPECT_NE(drawn().find("a.  resetting east for netlab/tunnels/gre-over-ipv6 "), std::string::npos) << drawn();
  EXPECT_NE(drawn(47).find("a.  resetting east for ...ls/gre-over-ipv6  0 s"), std::string::npos) << drawn(47);
  EXPECT_NE(drawn(38).find("a.  resetting east                 0 s"), std::string::npos) << drawn(38);
}

TEST_F(ProgressTest, AVerdictThatComesLateLeavesTheNextTestAlone) {
  start({"a."}, {"netlab/gre", "netlab/sit"});
  begin("a.", 1, "netlab/gre");
  queue("a.", "east", "load");
  reset("a.", "east", 2, "load");
  judge("a.", 1, "netlab/gre", Verdict::passed);
  EXPECT_NE(drawn().find("a.  resetting east "), std::string::npos) << drawn();
}

TEST_F(ProgressTest, CountsEachTestOnce) {
  start({"a."}, {"flaky", "bad", "odd", "none", "never"});
  judge("a.", 1, "flaky", Verdict::failed, {}, false);
  judge("a.", 2, "flaky", Verdict::passed);
  judge("a.", 3, "bad", Verdict::failed);
  judge("a.", 4, "odd", Verdict::unresolved);
  judge("a.", 5, "none", Verdict::unsupported);
  take(TestUntested{"never", "stopped"});
  EXPECT_EQ(progress.decided(), 5U);
  EXPECT_NE(drawn(99).find("\n1 passed (1 flaky), 1 failed, 1 unresolved, 1 unsupported, 1 untested; after 0 s\n"),
            std::string::npos)
      << drawn();
}

TEST_F(ProgressTest, TheLongestTestOfTheRestSetsTheTimeLeft) {
  start({"a.", "b."}, {"long", "short", "shorter"});
  progress.expect({{{"long", 60s}, {"short", 10s}, {"shorter", 5s}}, 2s});
  EXPECT_EQ(progress.time_left(now), 62s);
  begin("a.", 1, "long");
  begin("b.", 2, "short");
  pass(4s);
  // a. has 56 s to go; b. has 6 s, and then 7 s for the third.
  EXPECT_EQ(progress.time_left(now), 56s);
  pass(100s);
  EXPECT_EQ(progress.time_left(now), 7s);
  judge("b.", 2, "short", Verdict::passed);
  begin("b.", 3, "shorter");
  EXPECT_NE(drawn().find(" 1/3  about 5 s left\n"), std::string::npos) << drawn();
  judge("b.", 3, "shorter", Verdict::passed);
  EXPECT_EQ(progress.time_left(now), std::nullopt);  // the long one is longer than usual
  EXPECT_NE(drawn().find(" 2/3\n"), std::string::npos) << drawn();
  EXPECT_NE(drawn().find("b.  nothing left to do\n"), std::string::npos) << drawn();
}

TEST_F(ProgressTest, WhatThisRunMeasuresWinsOverThePast) {
  start({"a."}, {"one", "two", "three"});
  EXPECT_EQ(progress.time_left(now), std::nullopt);  // nothing is known
  progress.expect({{{"two", 10s}}, 100s});
  EXPECT_EQ(progress.time_left(now), 330s);
  judge("a.", 1, "one", Verdict::passed, {.waiting = 1s, .reset = 2s, .test = 6s});
  // "two" is known from the past, "three" takes what "one" took; each costs 3 s besides.
  EXPECT_EQ(progress.time_left(now), 22s);
}

TEST_F(ProgressTest, ResettingCountsForTheTestToCome) {
  start({"a."}, {"one"});
  progress.expect({{{"one", 10s}}, 5s});
  queue("a.", "east");
  pass(3s);
  EXPECT_EQ(progress.time_left(now), 12s);
  pass(30s);
  EXPECT_EQ(progress.time_left(now), 10s);
}

TEST_F(ProgressTest, RepetitionsCount) {
  start({"a."}, {"one"}, 3);
  progress.expect({{{"one", 10s}}, 0s});
  EXPECT_EQ(progress.time_left(now), 30s);
  begin("a.", 1, "one");
  EXPECT_EQ(progress.time_left(now), 30s);
  pass(15s);
  EXPECT_EQ(progress.time_left(now), 30s);  // as long as this one at least
  judge("a.", 1, "one", Verdict::passed, {.test = 10s}, false);
  EXPECT_EQ(progress.time_left(now), 20s);
}

TEST_F(ProgressTest, ARunWithoutEndHasNoTimeLeft) {
  start({"a."}, {"one"}, 0);
  progress.expect({{{"one", 10s}}, 0s});
  EXPECT_EQ(progress.time_left(now), std::nullopt);
}

TEST_F(ProgressTest, AStopIsSaid) {
  start({"a."}, {"one", "two"});
  progress.expect({{{"one", 10s}}, 0s});
  take(StopRequested{"control-C"});
  EXPECT_NE(drawn().find("] 0/2  stopping\n"), std::string::npos) << drawn();
  EXPECT_NE(drawn().find("a.  nothing left to do\n"), std::string::npos) << drawn();
}

TEST_F(ProgressTest, NamesAreMadeHarmlessAndKeepTheirEnds) {
  start({"a\x1b[2J."}, {"x"});
  begin("a\x1b[2J.", 1, "suite\n/a/very/long/name/of/a/test/\xe6\x9d\xb1\xe4\xba\xac/t\x9bst");
  for (const std::string& line : progress.frame(now, {false, 39}, 24)) {
    EXPECT_EQ(line.find_first_of("\x1b\n\x9b"), std::string::npos) << line;
    EXPECT_LE(columns(line), 39U) << line;
  }
  EXPECT_NE(drawn(39).find("\xe6\x9d\xb1\xe4\xba\xac/t\\x9bst"), std::string::npos) << drawn(39);
}

}  // namespace
}  // namespace kvmtest::report
