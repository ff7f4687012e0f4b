// Policy::max_fail: a run that has seen enough begins no further test.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class MaxFail : public Scenario {
 protected:
  MaxFail() { plan.policy.max_fail = 1; }
  void fails(const std::string& name, unsigned number = 1, core::Verdict verdict = core::Verdict::failed) {
    judging(name, number, {.takes = 1s, .verdict = verdict});
  }
};

TEST_F(MaxFail, WhatRunsEndsAndTheRestIsUntested) {
  prefixes({"a.", "b."});
  plan.slots = 2;
  test("one", {"east"});
  test("two", {"east"});
  test("three", {"east"});
  attempt("two", 1, {.takes = 20s});
  fails("one");
  play();
  EXPECT_EQ(timeline({"run", "report"}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    10 run two#1 on b.
    16 report one#1 failed
    16 report three untested: no further test was begun after 1 that did not pass (--max-fail 1)
    31 report two#1 passed
    31 finish the run: completed
  )"));
}

TEST_F(MaxFail, DomainsOfATestThatIsNotToBeginAreNoLongerReset) {
  test("one", {"east"});
  test("two", {"west"});
  fails("one");
  play();
  EXPECT_EQ(timeline({"west", "two", "finish"}), lines(R"(
    15 reset a.west
    16 report two untested: no further test was begun after 1 that did not pass (--max-fail 1)
    16 cancel the reset of a.west
    16 a.west failed to reset, guest: cancelled
    16 destroy a.west
    17 a.west was destroyed
    17 finish the run: completed
  )"));
}

TEST_F(MaxFail, SeveralMayFail) {
  plan.policy.max_fail = 2;
  for (const char* name : {"one", "two", "three", "four"}) test(name, {"east"});
  fails("one");
  fails("three", 1, core::Verdict::unresolved);
  fails("two", 1, core::Verdict::unsupported);
  play();
  EXPECT_EQ(timeline({"report"}), lines(R"(
    16 report one#1 failed
    32 report two#1 unsupported
    48 report three#1 unresolved
    48 report four untested: no further test was begun after 2 that did not pass (--max-fail 2)
  )"));
}

TEST_F(MaxFail, AFailureCountsWhenNoRetryIsLeft) {
  plan.policy.retries = 1;
  test("one", {"east"});
  test("two", {"east"});
  fails("one", 1);
  fails("two", 1);
  fails("two", 2);
  play();
  EXPECT_EQ(timeline({"report"}), lines(R"(
    16 report one#1 failed, to be tried again
    32 report two#1 failed, to be tried again
    48 report one#2 passed
    64 report two#2 failed
  )"));
}

TEST_F(MaxFail, ATestThatWaitsForItsRetryKeepsItsVerdict) {
  plan.policy.retries = 1;
  prefixes({"a.", "b."});
  plan.slots = 2;
  test("one", {"east"}, 1);
  plan.tests[0].so_far = {.counted = 1, .worst = core::Verdict::failed, .stumbled = true};
  test("two", {"west"});
  test("three", {"east"});
  attempt("two", 1, {.takes = 6s});
  fails("one", 2);
  fails("two", 1);
  play();
  EXPECT_EQ(timeline({"report"}), lines(R"(
    16 report one#2 failed
    16 report three untested: no further test was begun after 1 that did not pass (--max-fail 1)
    17 report two#1 failed
  )"));
}

TEST_F(MaxFail, AHostFaultIsNotTriedAgainThen) {
  prefixes({"a.", "b."});
  plan.slots = 2;
  test("one", {"east"});
  test("two", {"east"});
  attempt("two", 1, {.takes = 20s, .host_fault = core::Host{"east"}});
  fails("one");
  play();
  EXPECT_EQ(timeline({"report"}), lines(R"(
    16 report one#1 failed
    30 report two#1 unresolved east:HOST-FAULT
  )"));
}

TEST_F(MaxFail, UntilOneFailsEndsTheOthers) {
  plan.policy.repeat = 0;
  plan.policy.until_fail = true;
  prefixes({"a.", "b."});
  plan.slots = 2;
  test("one", {"east"});
  test("two", {"east"});
  fails("one", 2);
  play();
  EXPECT_EQ(timeline({"report"}).substr(0, 40), "16 report one#1 passed, to be tried agai");
  EXPECT_EQ(outcome.verdicts.at(core::TestIndex{0}).back().report.test_verdict, core::Verdict::failed);
  EXPECT_EQ(outcome.makespan, 32s);
}

TEST_F(MaxFail, WhatFailedBeforeTheRunWasInterruptedCounts) {
  plan.failed = 1;
  test("two", {"east"});
  play();
  EXPECT_EQ(timeline(), lines(R"(
    0 run submitted
    0 report two untested: no further test was begun after 1 that did not pass (--max-fail 1)
    0 finish the run: completed
  )"));
}

TEST_F(MaxFail, WhatFailedIsKept) {
  plan.policy.keep_failed = true;
  test("one", {"east"});
  test("two", {"east"});
  fails("one");
  play();
  EXPECT_EQ(timeline({"report", "destroy", "finish"}), lines(R"(
    16 report one#1 failed
    16 report that a. holds one
    16 report two untested: no further test was begun after 1 that did not pass (--max-fail 1)
    16 finish the run: completed
  )"));
}

}  // namespace
}  // namespace kvmtest::scenarios
