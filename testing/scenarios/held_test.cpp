// What a test that did not pass leaves: its domains stay as they are when the run is to keep them.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class Held : public Scenario {
 protected:
  Held() { plan.policy.keep_failed = true; }
  void fails(const std::string& name, unsigned number = 1) {
    judging(name, number, {.takes = 1s, .verdict = core::Verdict::failed});
  }
};

TEST_F(Held, TheLastPrefixEndsTheRun) {
  test("one", {"east", "west"});
  test("two", {"east"});
  fails("one");
  play();
  EXPECT_EQ(timeline(), lines(R"(
    0 run submitted
    0 reset a.east
    0 reset a.west
    10 a.east was reset
    10 a.west was reset
    10 run one#1 on a.
    15 one#1 ran
    15 judge one#1
    16 one#1 was judged
    16 report one#1 failed
    16 report that a. holds one
    16 report two untested: every prefix holds what a failure left, or is out of use
    16 finish the run: completed
  )"));
}

TEST_F(Held, TheOtherPrefixesGoOn) {
  prefixes({"a.", "b."});
  test("one", {"east"});
  test("two", {"east"});
  test("three", {"east"});
  fails("one");
  play();
  EXPECT_EQ(timeline({"run ", "holds", "destroy", "finish"}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    10 run two#1 on b.
    16 report that a. holds one
    16 destroy b.east
    17 b.east was destroyed
    27 run three#1 on b.
    33 destroy b.east
    34 b.east was destroyed
    34 finish the run: completed
  )"));
}

// The verdict comes first; then all of its domains stop before the first one goes back.
TEST_F(Held, WhatPassedGoesBackBehindItsVerdict) {
  test("one", {"east", "west"});
  test("two", {"east", "west"});
  for (const char* name : {"a.east", "a.west"}) state(name, name);
  plan.quick_slots = 2;
  play();
  EXPECT_EQ(timeline({"judged", "pause", "load", "run "}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    16 one#1 was judged
    16 pause a.east
    16 pause a.west
    16 a.east was paused
    16 a.west was paused
    16 load a.east
    16 load a.west
    17 run two#1 on a.
    23 two#1 was judged
  )"));
}

TEST_F(Held, ARetryComesBeforeItIsKept) {
  plan.policy.retries = 1;
  test("one", {"east"});
  fails("one", 1);
  fails("one", 2);
  play();
  EXPECT_EQ(timeline({"run ", "report", "finish"}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    16 report one#1 failed, to be tried again
    27 run one#2 on a.
    33 report one#2 failed
    33 report that a. holds one
    33 finish the run: completed
  )"));
}

TEST_F(Held, ClientsGetInAndLetGoDuringTheRun) {
  prefixes({"a.", "b."});
  test("one", {"east"});
  test("two", {"east"});
  test("three", {"east"});
  fails("one");
  attempt("two", 1, {.takes = 100s});
  request(20s, 1, "a.east");
  destroy_request(30s, 2, "a.east");
  play();
  EXPECT_EQ(timeline({"answer", "run ", "holds", "a.east"}), lines(R"(
    0 run submitted
    0 reset a.east
    10 a.east was reset
    10 run one#1 on a.
    10 run two#1 on b.
    16 report that a. holds one
    20 a.east was requested, request 1
    20 answer request 1: done
    30 an end of a.east was requested, request 2
    30 destroy a.east
    31 a.east was destroyed
    31 answer request 2: done
    31 reset a.east
    41 a.east was reset
    41 run three#1 on a.
    47 destroy a.east
    48 a.east was destroyed
  )"));
}

TEST_F(Held, AndWhenTheRunIsOver) {
  test("one", {"east", "west"});
  fails("one");
  request(100s, 1, "a.east");
  request(110s, 2, "a.east", true);
  destroy_request(200s, 3, "a.east");
  destroy_request(200s, 4, "a.west");
  play();
  EXPECT_EQ(timeline({"answer", "finish", "destroy"}), lines(R"(
    16 finish the run: completed
    100 answer request 1: done
    110 destroy a.east
    111 a.east was destroyed
    121 answer request 2: done
    200 destroy a.east
    200 destroy a.west
    201 a.east was destroyed
    201 answer request 3: done
    201 a.west was destroyed
    201 answer request 4: done
  )"));
}

TEST_F(Held, AStopLetsGoUnlessItSaysOtherwise) {
  prefixes({"a.", "b."});
  test("one", {"east"});
  test("two", {"east"});
  fails("one");
  attempt("two", 1, {.takes = 100s});
  stop_at(50s, false);
  stop_at(60s, true);
  model.interrupt = 20s;
  play();
  EXPECT_EQ(timeline({"stop", "cancel", "destroy", "finish"}), lines(R"(
    50 stop requested, but for what is held
    50 cancel two#1
    60 stop requested
    60 destroy a.east
    61 a.east was destroyed
    70 destroy b.east
    71 b.east was destroyed
    71 finish the run: stopped
  )"));
}

TEST_F(Held, AStopThatKeepsEndsTheRunWithoutThem) {
  prefixes({"a.", "b."});
  test("one", {"east"});
  test("two", {"east"});
  fails("one");
  attempt("two", 1, {.takes = 100s});
  stop_at(50s, false);
  request(100s, 1, "a.east");
  play();
  EXPECT_EQ(timeline({"destroy", "finish", "answer"}), lines(R"(
    50 destroy b.east
    51 b.east was destroyed
    51 finish the run: stopped
    100 answer request 1: done
  )"));
}

TEST_F(Held, AFaultOfTheHostLeavesNothing) {
  plan.policy.host_fault_retries = 0;
  test("one", {"east"});
  attempt("one", 1, {.takes = 5s, .host_fault = core::Host{"east"}});
  play();
  EXPECT_EQ(timeline({"holds", "destroy a"}), "15 destroy a.east\n");
}

TEST_F(Held, WhatIsHeldDoesNotHoldUpOthersForMemory) {
  prefixes({"a.", "b."});
  test("one", {"east"});
  test("two", {"east"});
  fails("one");
  plan.memory.budget = 3;
  plan.memory.need[core::Host{"east"}] = 2;
  play();
  EXPECT_EQ(timeline({"run ", "holds", "finish"}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    16 report that a. holds one
    26 run two#1 on b.
    33 finish the run: completed
  )"));
}

}  // namespace
}  // namespace kvmtest::scenarios
