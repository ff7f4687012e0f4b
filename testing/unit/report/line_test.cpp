#include "report/line.h"

#include <gtest/gtest.h>

#include <string>

namespace kvmtest::report {
namespace {

using namespace core::record;
using core::AttemptId;
using core::Domain;
using core::Duration;
using core::Host;
using core::Prefix;
using core::Ticket;
using std::chrono::milliseconds;

Record record(Body body) { return {.run = 4, .sequence = 1, .time = {}, .body = std::move(body)}; }
std::string text(Body body) { return line(record(std::move(body))).value_or("(none)"); }
Domain east() { return {Prefix("a."), Host("east")}; }

AttemptJudged judged() {
  return {AttemptId(7),
          "netlab/gre",
          Prefix("a."),
          1,
          core::Verdict::passed,
          {},
          {milliseconds(1200), milliseconds(6100), milliseconds(420), milliseconds(10)},
          "/out/gre",
          true};
}

TEST(Line, ResetsTellWhatTheQueueLooksLike) {
  EXPECT_EQ(text(ResetQueued{east(), Ticket(1), 2, 7, 3, 2}),
            "a.east: queued for boot; 2 jobs ahead, 3 pending, 7 submitted, pool of 2");
  EXPECT_EQ(text(ResetQueued{east(), Ticket(1), 1, 7, 2, 2, "load"}),
            "a.east: queued for load; 1 job ahead, 2 pending, 7 submitted, pool of 2");
  EXPECT_EQ(text(ResetQueued{east(), Ticket(1), 1, 7, 2, 2, "load", "netlab/gre"}),
            "a.east: queued for load (netlab/gre); 1 job ahead, 2 pending, 7 submitted, pool of 2");
  EXPECT_EQ(text(ResetStarted{east(), Ticket(1), milliseconds(1200)}),
            "a.east: boot started after 1.20 s in the queue");
  EXPECT_EQ(text(ResetFinished{east(), Ticket(1), "boot", milliseconds(3210), milliseconds(2800), milliseconds(310),
                               milliseconds(1200)}),
            "a.east: ready after 3.21 s (waited 1.20 s, boot 2.80 s, login 0.31 s)");
  EXPECT_EQ(text(ResetFailed{east(), Ticket(1), true, "out of memory", milliseconds(500), true}),
            "a.east: boot failed after 0.50 s (host fault): out of memory; will be tried again");
}

TEST(Line, ResetsTellWhatTookTheirTime) {
  ResetFinished reset{.domain = east(), .ticket = Ticket(1), .total = milliseconds(4500), .boot = milliseconds(2800)};
  reset.login = milliseconds(300);
  reset.save = milliseconds(1400);
  EXPECT_EQ(text(reset), "a.east: ready after 4.50 s (waited 0.00 s, boot 2.80 s, login 0.30 s, save 1.40 s)");
  reset.save = {};
  reset.note = "its state was not saved: the share on /mnt stands in the way";
  EXPECT_EQ(
      text(reset),
      "a.east: ready after 4.50 s (waited 0.00 s, boot 2.80 s, login 0.30 s); its state was not saved: the share on "
      "/mnt stands in the way");

  reset = {.domain = east(),
           .ticket = Ticket(1),
           .method = "restore",
           .total = milliseconds(350),
           .boot = milliseconds(200)};
  reset.load = milliseconds(100);
  reset.verify = milliseconds(50);
  EXPECT_EQ(text(reset), "a.east: ready after 0.35 s (waited 0.00 s, start 0.20 s, load 0.10 s, verify 0.05 s)");
  reset = {.domain = east(), .ticket = Ticket(1), .method = "load", .total = milliseconds(60)};
  reset.load = milliseconds(40);
  reset.verify = milliseconds(20);
  EXPECT_EQ(text(reset), "a.east: ready after 0.06 s (waited 0.00 s, load 0.04 s, verify 0.02 s)");
}

TEST(Line, WhatFailedToGoBackIsBooted) {
  ResetFailed failed{.domain = east(),
                     .ticket = Ticket(1),
                     .host_fault = true,
                     .reason = "it does not answer",
                     .total = milliseconds(500)};
  failed.method = "load";
  failed.again = true;
  EXPECT_EQ(text(failed), "a.east: load failed after 0.50 s (host fault): it does not answer; will be booted instead");
  failed.method = "restore";
  failed.host_fault = false;
  EXPECT_EQ(text(failed), "a.east: restore failed after 0.50 s: it does not answer; will be booted instead");
  EXPECT_EQ(text(SnapshotsGivenUp{east(), "it does not answer"}),
            "warning: a.east: only booted from now on, for its saved states do not work: it does not answer");
}

TEST(Line, TestsTellWhereAndHowLong) {
  EXPECT_EQ(text(TestStarted{AttemptId(7), "netlab/gre", Prefix("a."), 1, milliseconds(6100)}),
            "netlab/gre: started on a. (domains ready after 6.10 s)");
  EXPECT_EQ(text(TestStarted{AttemptId(7), "netlab/gre", Prefix(""), 2, milliseconds(6100)}),
            "netlab/gre: started on the empty prefix, attempt 2 (domains ready after 6.10 s)");
  EXPECT_EQ(text(judged()), "netlab/gre: passed (test 0.42 s, reset 6.10 s, waiting 1.20 s, judging 0.01 s)");
  AttemptJudged starved = judged();
  starved.use = {{"east", milliseconds(300), milliseconds(110)}, {"west", milliseconds(10), milliseconds(20)}};
  EXPECT_EQ(text(starved),
            "netlab/gre: passed (test 0.42 s, reset 6.10 s, waiting 1.20 s, judging 0.01 s, starved 0.11 s)");
  starved.frozen = milliseconds(200);
  EXPECT_EQ(text(starved),
            "netlab/gre: passed (test 0.42 s, reset 6.10 s, waiting 1.20 s, judging 0.01 s, starved 0.11 s, frozen "
            "0.20 s)");
}

TEST(Line, FailuresComeWithTheirFirstIssue) {
  AttemptJudged failed = judged();
  failed.verdict = core::Verdict::failed;
  failed.issues = {{"east", "output-different", "line 4: expected \"up\", got \"down\""}, {"west", "TIMEOUT", ""}};
  EXPECT_EQ(text(failed),
            "netlab/gre: failed (test 0.42 s, reset 6.10 s, waiting 1.20 s, judging 0.01 s): east: output-different: "
            "line 4: expected \"up\", got \"down\" (and 1 more)");
  failed.final = false;
  failed.issues = {{"", "HOST-FAULT", ""}};
  EXPECT_EQ(text(failed),
            "netlab/gre: failed (test 0.42 s, reset 6.10 s, waiting 1.20 s, judging 0.01 s): HOST-FAULT; will be tried "
            "again");
}

TEST(Line, RepetitionsSayWhatTheyComeTo) {
  AttemptJudged last = judged();
  last.number = 3;
  last.test_verdict = core::Verdict::failed;
  EXPECT_EQ(text(last),
            "netlab/gre: passed (test 0.42 s, reset 6.10 s, waiting 1.20 s, judging 0.01 s) on attempt 3; the test: "
            "failed");
  EXPECT_EQ(verbosity(record(last)), Verbosity::quiet);
  AttemptJudged first = judged();
  first.final = false;
  EXPECT_EQ(text(first),
            "netlab/gre: passed (test 0.42 s, reset 6.10 s, waiting 1.20 s, judging 0.01 s); will be repeated");
}

TEST(Line, IsOneSafeLineWhateverAGuestWrote) {
  EXPECT_EQ(text(CommandFinished{AttemptId(7), "east", 0, "printf '\x1b]0;x\x07\n'\xff", Duration(0), milliseconds(20),
                                 -1, 3}),
            "attempt 7, east# printf '\\x1b]0;x\\x07\\n'\\xff: no exit status, 0.02 s, 3 bytes");
}

TEST(Line, TheEndHasCountsAndStatus) {
  RunFinished end;
  end.passed = 20;
  end.flaky = 1;
  end.failed = 2;
  end.makespan = milliseconds(192'400);
  end.exit_status = 1;
  EXPECT_EQ(text(end), "run 4 completed after 3 min 12.4 s: 20 passed (1 flaky), 2 failed; exit status 1");
  end.outcome = Outcome::stopped;
  end.exit_status = 130;
  end.untested = 4;
  EXPECT_EQ(text(end),
            "run 4 was stopped after 3 min 12.4 s: 20 passed (1 flaky), 2 failed, 4 untested; exit status 130");
}

TEST(Line, TheEndOfARunThatTestedNothingSaysSo) {
  RunFinished end;
  end.unsupported = 2;
  EXPECT_EQ(text(end), "run 4 completed after 0.00 s: 0 passed, 2 unsupported; nothing was tested; exit status 0");
}

TEST(Line, ATestThatEndsWithoutAnotherAttemptHasItsVerdict) {
  EXPECT_EQ(text(TestUntested{"netlab/gre", "why"}), "netlab/gre: untested: why");
  EXPECT_EQ(text(TestUntested{"netlab/gre", "why", core::Verdict::failed}), "netlab/gre: failed: why");
}

TEST(Line, SamplesAreNotForReading) { EXPECT_EQ(text(Sample{}), "(none)"); }

TEST(Verbosity, QuietShowsFailuresAndTheEnd) {
  EXPECT_EQ(verbosity(record(judged())), Verbosity::normal);
  AttemptJudged failed = judged();
  failed.verdict = core::Verdict::failed;
  EXPECT_EQ(verbosity(record(failed)), Verbosity::quiet);
  failed.final = false;
  EXPECT_EQ(verbosity(record(failed)), Verbosity::live);
  EXPECT_EQ(verbosity(record(Notice{true, "x"})), Verbosity::quiet);
  EXPECT_EQ(verbosity(record(Notice{false, "x"})), Verbosity::live);
  EXPECT_EQ(verbosity(record(TestStarted{})), Verbosity::normal);
  EXPECT_EQ(verbosity(record(TestUntested{})), Verbosity::normal);
  EXPECT_EQ(verbosity(record(RunFinished{})), Verbosity::quiet);
  EXPECT_EQ(verbosity(record(SnapshotsGivenUp{})), Verbosity::quiet);
  EXPECT_EQ(verbosity(record(ResetQueued{})), Verbosity::verbose);
  EXPECT_EQ(verbosity(record(ResetFinished{})), Verbosity::verbose);
  ResetFinished not_saved;
  not_saved.note = "its state was not saved: no room";
  EXPECT_EQ(verbosity(record(not_saved)), Verbosity::live);
  EXPECT_EQ(verbosity(record(ResetFailed{})), Verbosity::live);
  EXPECT_EQ(verbosity(record(CommandFinished{})), Verbosity::verbose);
  EXPECT_EQ(verbosity(record(PointsJudged{})), Verbosity::verbose);
  EXPECT_EQ(text(PointsJudged{AttemptId(7), {{1, "", "ok", ""}, {2, "", "todo", ""}}}),
            "attempt 7: points: 1 ok, 1 todo");
}

}  // namespace
}  // namespace kvmtest::report
