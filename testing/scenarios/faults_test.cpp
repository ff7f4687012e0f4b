// Faults of the host are retried and never blamed on the test; faults of the guest are results. A prefix that fails
// again and again goes out of use, and the run still ends.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class Faults : public Scenario {
 protected:
  void fail_every_reset(std::string_view name, Fault fault) { every_reset(name, {.takes = 2s, .fault = fault}); }
  core::Verdict last_verdict(std::uint32_t index) {
    return outcome.verdicts.at(core::TestIndex{index}).back().report.verdict;
  }
  std::size_t attempts(std::uint32_t index) { return outcome.verdicts.at(core::TestIndex{index}).size(); }
};

TEST_F(Faults, AHostFaultAtAResetIsRetriedOnceAfterARest) {
  test("one", {"east"});
  reset("a.east", 1, {.takes = 2s, .fault = Fault::host, .reason = "no memory"});
  play();
  EXPECT_EQ(timeline(), lines(R"(
    0 run submitted
    0 reset a.east
    2 a.east failed to reset, host: no memory
    2 report failed reset of a.east
    2 report one#1 unresolved east:HOST-FAULT, to be tried again
    2 destroy a.east
    3 a deadline passed
    3 a.east was destroyed
    3 reset a.east
    13 a.east was reset
    13 run one#2 on a.
    18 one#2 ran
    18 judge one#2
    18 destroy a.east
    19 one#2 was judged
    19 report one#2 passed
    19 a.east was destroyed
    19 finish the run: completed
  )"));
  EXPECT_EQ(attempts(0), 2U);
}

TEST_F(Faults, AHostFaultInATestIsRetriedOnceAndBothAttemptsStand) {
  test("one", {"east"});
  attempt("one", 1, {.takes = 3s, .host_fault = core::Host{"east"}});
  play();
  EXPECT_EQ(timeline({"one"}), lines(R"(
    10 run one#1 on a.
    13 one#1 was aborted: east: I/O error
    13 report one#1 unresolved east:HOST-FAULT, to be tried again
    24 run one#2 on a.
    29 one#2 ran
    29 judge one#2
    30 one#2 was judged
    30 report one#2 passed
  )"));
  const auto& issues = outcome.verdicts.at(core::TestIndex{0})[0].report.issues;
  EXPECT_EQ(issues, (std::vector<core::Issue>{{"east", "HOST-FAULT", "I/O error"}}));
}

TEST_F(Faults, ASecondHostFaultIsFinal) {
  test("one", {"east"});
  attempt("one", 1, {.takes = 3s, .host_fault = core::Host{"east"}});
  reset("a.east", 2, {.takes = 2s, .fault = Fault::host});
  play();
  EXPECT_EQ(timeline({"one"}), lines(R"(
    10 run one#1 on a.
    13 one#1 was aborted: east: I/O error
    13 report one#1 unresolved east:HOST-FAULT, to be tried again
    16 report one#2 unresolved east:HOST-FAULT
  )"));
  EXPECT_EQ(*outcome.finished, core::record::Outcome::completed);
}

TEST_F(Faults, APolicyWithoutRetriesHasNone) {
  plan.policy.host_fault_retries = 0;
  test("one", {"east"});
  attempt("one", 1, {.takes = 3s, .host_fault = core::Host{"east"}});
  play();
  EXPECT_EQ(timeline({"one"}), lines(R"(
    10 run one#1 on a.
    13 one#1 was aborted: east: I/O error
    13 report one#1 unresolved east:HOST-FAULT
  )"));
}

// The retry comes before the tests that were not yet taken, on whichever prefix is free first.
TEST_F(Faults, ARetryIsNextInLineAndMayMoveToAnotherPrefix) {
  prefixes({"a.", "b."});
  for (const char* name : {"one", "two", "three"}) test(name, {"east"});
  attempt("one", 1, {.takes = 5s, .host_fault = core::Host{"east"}});
  plan.policy.cool_down = 60s;
  play();
  EXPECT_EQ(timeline({"run "}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    10 run two#1 on b.
    26 run one#2 on b.
    42 run three#1 on b.
  )"));
}

// QEMU dies under a test whose script is busy on another host for a long time: the script is hurried to its end.
TEST_F(Faults, ALostDomainEndsTheTestWhereverItsScriptIs) {
  test("one", {"east", "west"});
  attempt("one", 1, {.takes = 600s});
  lose_at(12s, "a.west", Fault::host, false);
  play();
  EXPECT_EQ(timeline({"one", "lost"}), lines(R"(
    10 run one#1 on a.
    12 a.west was lost, host: lost
    12 cancel one#1
    12 one#1 was aborted: interrupted
    12 report one#1 unresolved west:HOST-FAULT, to be tried again
    24 run one#2 on a.
    29 one#2 ran
    29 judge one#2
    30 one#2 was judged
    30 report one#2 passed
  )"));
  const auto& issues = outcome.verdicts.at(core::TestIndex{0})[0].report.issues;
  EXPECT_EQ(issues, (std::vector<core::Issue>{{"west", "HOST-FAULT", "lost"}}));
}

// The script took the silence of the lost domain for a result before it could be told.
TEST_F(Faults, ATestThatEndsOnALostDomainIsNotJudged) {
  test("one", {"east", "west"});
  attempt("one", 1, {.takes = 5s, .ignores_cancel = true});
  lose_at(12s, "a.west", Fault::host, false);
  play();
  EXPECT_EQ(timeline({"one", "lost"}), lines(R"(
    10 run one#1 on a.
    12 a.west was lost, host: lost
    12 cancel one#1
    15 one#1 ran
    15 report one#1 unresolved west:HOST-FAULT, to be tried again
    27 run one#2 on a.
    32 one#2 ran
    32 judge one#2
    33 one#2 was judged
    33 report one#2 passed
  )"));
}

TEST_F(Faults, TwoLostDomainsAreOneFault) {
  test("one", {"east", "west"});
  attempt("one", 1, {.takes = 600s});
  lose_at(12s, "a.west", Fault::host, false);
  lose_at(12s, "a.east", Fault::host, false);
  play();
  EXPECT_EQ(attempts(0), 2U);
  EXPECT_EQ(timeline({"cancel"}), "12 cancel one#1\n");
}

// A guest that panics or powers off is that test's result.
TEST_F(Faults, AGuestThatEndsUnderItsTestIsAResult) {
  test("one", {"east"});
  attempt("one", 1, {.takes = 600s});
  judging("one", 1, {.takes = 1s, .verdict = core::Verdict::failed});
  lose_at(12s, "a.east", Fault::guest);
  play();
  EXPECT_EQ(timeline(), lines(R"(
    0 run submitted
    0 reset a.east
    10 a.east was reset
    10 run one#1 on a.
    12 a.east was lost, guest: lost
    12 one#1 ran
    12 judge one#1
    12 destroy a.east
    13 one#1 was judged
    13 report one#1 failed
    13 a.east was destroyed
    13 finish the run: completed
  )"));
}

TEST_F(Faults, AGuestThatDoesNotBootIsTriedAgainWithinTheAttempt) {
  test("one", {"east", "west"});
  reset("a.east", 1, {.takes = 4s, .fault = Fault::guest});
  play();
  EXPECT_EQ(timeline(), lines(R"(
    0 run submitted
    0 reset a.east
    0 reset a.west
    4 a.east failed to reset, guest: no shell
    4 report failed reset of a.east, to be tried again
    4 destroy a.east
    5 a.east was destroyed
    5 reset a.east
    10 a.west was reset
    15 a.east was reset
    15 run one#1 on a.
    20 one#1 ran
    20 judge one#1
    20 destroy a.east
    20 destroy a.west
    21 one#1 was judged
    21 report one#1 passed
    21 a.east was destroyed
    22 a.west was destroyed
    22 finish the run: completed
  )"));
}

TEST_F(Faults, AGuestThatNeverBootsIsUnresolved) {
  test("one", {"east", "west"});
  test("two", {"west"});
  fail_every_reset("a.east", Fault::guest);
  play();
  EXPECT_EQ(timeline({"a.east", "one", "run "}), lines(R"(
    0 run submitted
    0 reset a.east
    2 a.east failed to reset, guest: no shell
    2 report failed reset of a.east, to be tried again
    2 destroy a.east
    3 a.east was destroyed
    3 reset a.east
    5 a.east failed to reset, guest: no shell
    5 report failed reset of a.east
    5 report one#1 unresolved east:BOOT-FAILED
    5 destroy a.east
    6 a.east was destroyed
    17 run two#1 on a.
  )"));
  EXPECT_EQ(attempts(0), 1U);
  EXPECT_EQ(last_verdict(0), core::Verdict::unresolved);
  EXPECT_EQ(last_verdict(1), core::Verdict::passed);
}

// One guest's failures are not another's.
TEST_F(Faults, FailedBootsAreCountedPerDomain) {
  test("one", {"east", "west"});
  reset("a.east", 1, {.takes = 4s, .fault = Fault::guest});
  reset("a.west", 1, {.takes = 4s, .fault = Fault::guest});
  play();
  EXPECT_EQ(last_verdict(0), core::Verdict::passed);
}

// The rest of the group is not waited for: what still boots for nothing is hurried to its end.
TEST_F(Faults, AFaultCancelsTheResetsOfItsGroup) {
  plan.slots = 2;
  test("one", {"east", "west", "nic"});
  reset("a.east", 1, {.takes = 2s, .fault = Fault::host});
  play();
  EXPECT_EQ(timeline({"a.west", "a.nic"}), lines(R"(
    0 reset a.west
    2 cancel the reset of a.west
    2 a.west failed to reset, guest: cancelled
    2 destroy a.west
    3 reset a.nic
    4 a.west was destroyed
    13 a.nic was reset
    13 reset a.west
    23 a.west was reset
    28 destroy a.nic
    28 destroy a.west
    30 a.nic was destroyed
    31 a.west was destroyed
  )"));
}

TEST_F(Faults, RestsDoubleAndEndWithTheFirstTestThatRuns) {
  plan.policy.quarantine_after = 10;
  plan.policy.cool_down = 10s;
  for (const char* name : {"one", "two", "three"}) test(name, {"east"});
  for (const unsigned nth : {1U, 2U, 3U, 5U}) reset("a.east", nth, {.takes = 2s, .fault = Fault::host});
  play();
  EXPECT_EQ(timeline({"a.east failed to reset", "deadline", "reset a.east", "run "}), lines(R"(
    0 run submitted
    0 reset a.east
    2 a.east failed to reset, host: no shell
    12 a deadline passed
    12 reset a.east
    14 a.east failed to reset, host: no shell
    34 a deadline passed
    34 reset a.east
    36 a.east failed to reset, host: no shell
    76 a deadline passed
    76 reset a.east
    86 run two#2 on a.
    92 reset a.east
    94 a.east failed to reset, host: no shell
    104 a deadline passed
    104 reset a.east
    114 run three#2 on a.
  )"));
}

// Nobody but the deadline wakes a prefix that rests.
TEST_F(Faults, APrefixThatRestsIsWokenByItsDeadline) {
  plan.policy.cool_down = 3600s;
  test("one", {"east"});
  attempt("one", 1, {.takes = 3s, .host_fault = core::Host{"east"}});
  play();
  EXPECT_EQ(timeline({"deadline", "run "}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    3613 a deadline passed
    3623 run one#2 on a.
  )"));
}

TEST_F(Faults, AFaultyPrefixGoesOutOfUseAndOthersFinish) {
  prefixes({"a.", "b."});
  for (int i = 0; i < 8; ++i) test("t" + std::to_string(i), {"east"});
  fail_every_reset("a.east", Fault::host);
  play();
  EXPECT_EQ(timeline({"out of use", "run ", "finish"}), lines(R"(
    0 run submitted
    9 report a. out of use: no shell
    10 run t1#1 on b.
    26 run t2#2 on b.
    42 run t3#1 on b.
    58 run t4#1 on b.
    74 run t5#1 on b.
    90 run t6#1 on b.
    106 run t7#1 on b.
    112 finish the run: completed
  )"));
  // t0 met the faulty prefix twice, before anyone else was free.
  EXPECT_EQ(last_verdict(0), core::Verdict::unresolved);
  for (std::uint32_t i = 1; i < 8; ++i) EXPECT_EQ(last_verdict(i), core::Verdict::passed) << i;
}

TEST_F(Faults, ATestThatRanEndsTheCountOfFaults) {
  plan.policy.quarantine_after = 2;
  for (int i = 0; i < 4; ++i) test("t" + std::to_string(i), {"east"});
  for (const unsigned nth : {1U, 3U, 5U}) reset("a.east", nth, {.takes = 2s, .fault = Fault::host});
  play();
  EXPECT_EQ(timeline({"out of use"}), "");
}

TEST_F(Faults, WithoutAPrefixLeftTestsAreUntestedByTheInfrastructure) {
  prefixes({"a.", "b."});
  for (int i = 0; i < 5; ++i) test("t" + std::to_string(i), {"east"});
  fail_every_reset("a.east", Fault::host);
  fail_every_reset("b.east", Fault::host);
  play();
  EXPECT_EQ(timeline({"report t", "out of use", "finish"}), lines(R"(
    2 report t0#1 unresolved east:HOST-FAULT, to be tried again
    2 report t1#1 unresolved east:HOST-FAULT, to be tried again
    5 report t1#2 unresolved east:HOST-FAULT
    5 report t0#2 unresolved east:HOST-FAULT
    9 report t2#1 unresolved east:HOST-FAULT, to be tried again
    9 report a. out of use: no shell
    9 report t3#1 unresolved east:HOST-FAULT, to be tried again
    9 report b. out of use: no shell
    9 report t3 untested: every prefix is out of use
    9 report t2 untested: every prefix is out of use
    9 report t4 untested: every prefix is out of use
    10 finish the run: infrastructure
  )"));
  EXPECT_EQ(*outcome.finished, core::record::Outcome::infrastructure);
}

// The last prefix goes out of use while a script's verdict is still to come.
TEST_F(Faults, TheEndWaitsForTheJudgesWhenNoPrefixIsLeft) {
  plan.policy.quarantine_after = 1;
  for (const char* name : {"one", "two"}) test(name, {"east"});
  judging("one", 1, {.takes = 100s});
  reset("a.east", 2, {.takes = 2s, .fault = Fault::host});
  play();
  EXPECT_EQ(timeline({"report", "finish"}), lines(R"(
    18 report failed reset of a.east
    18 report two#1 unresolved east:HOST-FAULT, to be tried again
    18 report a. out of use: no shell
    18 report two untested: every prefix is out of use
    115 report one#1 passed
    115 finish the run: infrastructure
  )"));
}

TEST_F(Faults, ANewRunTrustsEveryPrefixAgain) {
  plan.policy.quarantine_after = 1;
  test("one", {"east"});
  reset("a.east", 1, {.takes = 2s, .fault = Fault::host});
  at(100s, core::event::RunSubmitted{plan});
  play();
  EXPECT_EQ(timeline({"report", "finish"}), lines(R"(
    2 report failed reset of a.east
    2 report one#1 unresolved east:HOST-FAULT, to be tried again
    2 report a. out of use: no shell
    2 report one untested: every prefix is out of use
    3 finish the run: infrastructure
    116 report one#1 passed
    116 finish the run: completed
  )"));
}

TEST_F(Faults, ANewRunForgetsTheFaultsOfTheLast) {
  plan.policy.quarantine_after = 2;
  plan.policy.host_fault_retries = 0;
  test("one", {"east"});
  for (const unsigned nth : {1U, 2U}) reset("a.east", nth, {.takes = 2s, .fault = Fault::host});
  at(100s, core::event::RunSubmitted{plan});
  play();
  EXPECT_EQ(timeline({"out of use"}), "");
}

// Each prefix has its own rest; the first to end is the deadline.
TEST_F(Faults, PrefixesRestEachForItself) {
  prefixes({"a.", "b."});
  plan.policy.cool_down = 100s;
  for (const char* name : {"one", "two"}) test(name, {"east"});
  reset("a.east", 1, {.takes = 2s, .fault = Fault::host});
  reset("b.east", 1, {.takes = 50s, .fault = Fault::host});
  play();
  EXPECT_EQ(timeline({"deadline", "run "}), lines(R"(
    0 run submitted
    102 a deadline passed
    112 run two#2 on a.
    128 run one#2 on a.
  )"));
}

TEST_F(Faults, DestructionsThatFailAreCountedInARow) {
  plan.policy.host_fault_retries = 9;
  plan.policy.quarantine_after = 9;
  for (const char* name : {"one", "two"}) test(name, {"east"});
  for (const unsigned nth : {1U, 2U, 4U, 5U}) destruction("a.east", nth, {.takes = 1s, .fails = true});
  play();
  EXPECT_EQ(timeline({"left", "finish"}), lines(R"(
    37 finish the run: completed
  )"));
}

TEST_F(Faults, AFailedDestructionIsAHostFault) {
  for (const char* name : {"one", "two"}) test(name, {"east"});
  destruction("a.east", 1, {.takes = 1s, .fails = true});
  play();
  EXPECT_EQ(timeline({"destroy", "report", "run "}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    15 destroy a.east
    16 report one#1 passed
    16 a.east could not be destroyed: still there
    16 report two#1 unresolved east:HOST-FAULT, to be tried again
    16 destroy a.east
    17 a.east was destroyed
    27 run two#2 on a.
    32 destroy a.east
    33 report two#2 passed
    33 a.east was destroyed
  )"));
}

TEST_F(Faults, WhatCannotBeDestroyedIsLeftBehindAndTheRunEnds) {
  test("one", {"east"});
  for (const unsigned nth : {1U, 2U, 3U}) destruction("a.east", nth, {.takes = 1s, .fails = true});
  play();
  EXPECT_EQ(timeline({"destroy", "left", "finish"}), lines(R"(
    15 destroy a.east
    16 a.east could not be destroyed: still there
    16 destroy a.east
    17 a.east could not be destroyed: still there
    17 destroy a.east
    18 a.east could not be destroyed: still there
    18 report a.east left behind
    18 finish the run: completed
  )"));
}

// The hypervisor refuses to start what still runs; the prefix goes out of use and the other does the work.
TEST_F(Faults, ALeftoverTakesItsPrefixOutOfUse) {
  prefixes({"a.", "b."});
  for (int i = 0; i < 6; ++i) test("t" + std::to_string(i), {"east"});
  for (unsigned nth = 1; nth <= 3; ++nth) destruction("a.east", nth, {.takes = 1s, .fails = true});
  play();
  EXPECT_EQ(timeline({"left", "out of use", "finish"}), lines(R"(
    18 report a.east left behind
    19 report a. out of use: domain is already running
    64 finish the run: completed
  )"));
}

// Ready, and lost before the rest of its group was: reset again, like a boot that failed.
TEST_F(Faults, AGuestLostBeforeItsTestIsResetAgain) {
  test("one", {"east", "west"});
  reset("a.west", 1, {.takes = 60s});
  lose_at(30s, "a.east", Fault::guest);
  play();
  EXPECT_EQ(timeline({"a.east", "run "}), lines(R"(
    0 run submitted
    0 reset a.east
    10 a.east was reset
    30 a.east was lost, guest: lost
    30 destroy a.east
    31 a.east was destroyed
    31 reset a.east
    41 a.east was reset
    60 run one#1 on a.
    65 destroy a.east
    66 a.east was destroyed
  )"));
}

// It was reset for ever once: each time one domain was ready, the other was gone.
TEST_F(Faults, GuestsThatNeverStayUpAreUnresolved) {
  plan.slots = 1;
  test("one", {"east", "west"});
  every_reset("a.east", {.takes = 10s, .loss = Loss{.after = 5s, .fault = Fault::guest}});
  every_reset("a.west", {.takes = 10s, .loss = Loss{.after = 5s, .fault = Fault::guest}});
  play();
  EXPECT_EQ(timeline({"lost", "report"}), lines(R"(
    15 a.east was lost, guest: lost
    25 a.west was lost, guest: lost
    35 a.east was lost, guest: lost
    35 report one#1 unresolved east:BOOT-FAILED
  )"));
}

TEST_F(Faults, ADomainTheHostLosesBeforeItsTestIsAHostFault) {
  test("one", {"east", "west"});
  reset("a.west", 1, {.takes = 60s});
  lose_at(30s, "a.east", Fault::host);
  play();
  EXPECT_EQ(timeline({"lost", "report", "cancel", "run "}), lines(R"(
    0 run submitted
    30 a.east was lost, host: lost
    30 report one#1 unresolved east:HOST-FAULT, to be tried again
    30 cancel the reset of a.west
    30 a.west failed to reset, guest: cancelled
    42 run one#2 on a.
    48 report one#2 passed
  )"));
}

TEST_F(Faults, ADomainLostWhileItIsResetIsOneFault) {
  test("one", {"east", "west"});
  lose_at(3s, "a.east", Fault::host);
  play();
  EXPECT_EQ(timeline({"lost", "report", "run "}), lines(R"(
    0 run submitted
    3 a.east was lost, host: lost
    3 a.east failed to reset, host: lost
    3 report failed reset of a.east
    3 report one#1 unresolved east:HOST-FAULT, to be tried again
    15 run one#2 on a.
    21 report one#2 passed
  )"));
}

TEST_F(Faults, ALossOfWhatNobodyUsesIsNothing) {
  test("one", {"east"});
  at(3s, core::event::DomainLost{domain("a.nic"), Fault::host, "lost"});
  at(4s, core::event::DomainLost{domain("z.nic"), Fault::host, "lost"});
  at(12s, core::event::DomainLost{domain("a.west"), Fault::host, "lost"});
  play();
  EXPECT_EQ(timeline({"report", "finish"}), lines(R"(
    16 report one#1 passed
    16 finish the run: completed
  )"));
}

}  // namespace
}  // namespace kvmtest::scenarios
