// Faults of the host are retried and never blamed on the test; faults of the guest are results.

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
    23 run one#2 on a.
    28 one#2 ran
    28 judge one#2
    29 one#2 was judged
    29 report one#2 passed
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
    26 run one#2 on a.
    31 one#2 ran
    31 judge one#2
    32 one#2 was judged
    32 report one#2 passed
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
    21 a.west was destroyed
    21 finish the run: completed
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
    16 run two#1 on a.
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
    3 a.west was destroyed
    13 a.nic was reset
    13 reset a.west
    23 a.west was reset
    28 destroy a.nic
    28 destroy a.west
    29 a.nic was destroyed
    29 a.west was destroyed
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
    41 run one#2 on a.
    47 report one#2 passed
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
    14 run one#2 on a.
    20 report one#2 passed
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
