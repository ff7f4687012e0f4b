// Retries, which look for a pass, and repetitions, which look for a failure. Both only where somebody asked for them.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class Repetition : public Scenario {
 protected:
  void fails(const std::string& name, unsigned number, core::Verdict verdict = core::Verdict::failed) {
    judging(name, number, {.takes = 1s, .verdict = verdict});
  }
  [[nodiscard]] const core::action::ReportVerdict& last(std::uint32_t index) const {
    return outcome.verdicts.at(core::TestIndex{index}).back().report;
  }
};

TEST_F(Repetition, NobodyAskedForARetry) {
  test("one", {"east"});
  fails("one", 1);
  play();
  EXPECT_EQ(timeline({"report"}), "16 report one#1 failed\n");
}

TEST_F(Repetition, ARetryComesFirstAndAPassIsFlaky) {
  plan.policy.retries = 2;
  test("one", {"east"});
  test("two", {"east"});
  test("three", {"east"});
  fails("one", 1);
  play();
  // Its verdict comes while the next test runs already.
  EXPECT_EQ(timeline({"run", "report"}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    16 report one#1 failed, to be tried again
    26 run two#1 on a.
    32 report two#1 passed
    42 run one#2 on a.
    48 report one#2 passed
    58 run three#1 on a.
    64 report three#1 passed
    64 finish the run: completed
  )"));
  EXPECT_TRUE(last(0).flaky);
  EXPECT_FALSE(last(1).flaky);
}

TEST_F(Repetition, RetriesEndAndTheLastVerdictCounts) {
  plan.policy.retries = 1;
  test("one", {"east"});
  fails("one", 1, core::Verdict::unresolved);
  fails("one", 2);
  play();
  EXPECT_EQ(timeline({"report"}), lines(R"(
    16 report one#1 unresolved, to be tried again
    32 report one#2 failed
  )"));
  EXPECT_FALSE(last(0).flaky);
}

TEST_F(Repetition, WhatIsUnsupportedIsNotTriedAgain) {
  plan.policy.retries = 3;
  test("one", {"east"});
  fails("one", 1, core::Verdict::unsupported);
  play();
  EXPECT_EQ(timeline({"report"}), "16 report one#1 unsupported\n");
}

TEST_F(Repetition, AGuestThatDoesNotBootIsRetriedToo) {
  plan.policy.retries = 1;
  plan.policy.boot_tries = 1;
  test("one", {"east"});
  reset("a.east", 1, {.takes = 2s, .fault = Fault::guest});
  play();
  EXPECT_EQ(timeline({"report one"}), lines(R"(
    2 report one#1 unresolved east:BOOT-FAILED, to be tried again
    19 report one#2 passed
  )"));
}

TEST_F(Repetition, HostFaultsAreCountedByThemselves) {
  plan.policy.retries = 1;
  test("one", {"east"});
  attempt("one", 1, {.takes = 3s, .host_fault = core::Host{"east"}});
  fails("one", 2);
  attempt("one", 3, {.takes = 3s, .host_fault = core::Host{"east"}});
  play();
  EXPECT_EQ(timeline({"report"}), lines(R"(
    13 report one#1 unresolved east:HOST-FAULT, to be tried again
    30 report one#2 failed, to be tried again
    43 report one#3 unresolved east:HOST-FAULT, to be tried again
    60 report one#4 passed
  )"));
  EXPECT_TRUE(last(0).flaky);
}

TEST_F(Repetition, TheWholeListIsRepeatedAndTheWorstCounts) {
  plan.policy.repeat = 2;
  test("one", {"east"});
  test("two", {"east"});
  fails("one", 1);
  play();
  EXPECT_EQ(timeline({"run", "report"}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    16 report one#1 failed, to be tried again
    26 run two#1 on a.
    32 report two#1 passed, to be tried again
    42 run one#2 on a.
    48 report one#2 passed, the test failed
    58 run two#2 on a.
    64 report two#2 passed
    64 finish the run: completed
  )"));
  EXPECT_EQ(last(0).test_verdict, core::Verdict::failed);
  EXPECT_FALSE(last(0).flaky);
  EXPECT_FALSE(last(1).flaky);
}

TEST_F(Repetition, UntilItFails) {
  plan.policy.repeat = 0;
  plan.policy.until_fail = true;
  test("one", {"east"});
  fails("one", 3);
  play();
  EXPECT_EQ(timeline({"report"}), lines(R"(
    16 report one#1 passed, to be tried again
    32 report one#2 passed, to be tried again
    48 report one#3 failed
  )"));
}

TEST_F(Repetition, UntilItFailsButNotForEver) {
  plan.policy.repeat = 2;
  plan.policy.until_fail = true;
  test("one", {"east"});
  play();
  EXPECT_EQ(timeline({"report"}), lines(R"(
    16 report one#1 passed, to be tried again
    32 report one#2 passed
  )"));
}

TEST_F(Repetition, DomainsThatCanGoBackWaitForTheVerdict) {
  plan.policy.repeat = 2;
  test("one", {"east"});
  state("a.east", "s");
  play();
  EXPECT_EQ(timeline(), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 a.east was reset
    10 run one#1 on a.
    15 one#1 ran
    15 judge one#1
    15 pause a.east
    15 a.east was paused
    16 one#1 was judged
    16 report one#1 passed, to be tried again
    16 load a.east
    17 a.east was reset
    17 run one#2 on a.
    22 one#2 ran
    22 judge one#2
    22 pause a.east
    22 a.east was paused
    23 one#2 was judged
    23 report one#2 passed
    23 destroy a.east
    24 a.east was destroyed
    24 finish the run: completed
  )"));
}

TEST_F(Repetition, AFailureOfOneAttemptIsEnough) {
  plan.policy.repeat = 3;
  plan.policy.max_fail = 1;
  test("one", {"east"});
  test("two", {"east"});
  fails("two", 1);
  play();
  EXPECT_EQ(timeline({"report"}), lines(R"(
    16 report one#1 passed, to be tried again
    32 report two#1 failed, to be tried again
    32 report one passed: no further test was begun after 1 that did not pass (--max-fail 1)
    32 report two failed: no further test was begun after 1 that did not pass (--max-fail 1)
  )"));
}

TEST_F(Repetition, AStopEndsIt) {
  plan.policy.repeat = 0;
  plan.policy.until_fail = true;
  test("one", {"east"});
  stop_at(15500ms);
  play();
  EXPECT_EQ(timeline({"report", "finish"}), lines(R"(
    16 report one#1 passed
    16 finish the run: stopped
  )"));
}

TEST_F(Repetition, AnInterruptedRunKnowsWhatWasTried) {
  plan.policy.repeat = 3;
  test("one", {"east"}, 4);
  plan.tests[0].so_far = {.counted = 2, .worst = core::Verdict::failed, .stumbled = true};
  play();
  EXPECT_EQ(timeline({"report"}), "16 report one#5 passed, the test failed\n");
}

}  // namespace
}  // namespace kvmtest::scenarios
