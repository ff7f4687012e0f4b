// A prefix that fails again and again rests, then goes out of use; what cannot be destroyed is left; the run still
// ends.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class OutOfUse : public Scenario {
 protected:
  void fail_every_reset(std::string_view name, Fault fault) { every_reset(name, {.takes = 2s, .fault = fault}); }
  core::Verdict last_verdict(std::uint32_t index) {
    return outcome.verdicts.at(core::TestIndex{index}).back().report.verdict;
  }
  std::size_t attempts(std::uint32_t index) { return outcome.verdicts.at(core::TestIndex{index}).size(); }
};

TEST_F(OutOfUse, RestsDoubleAndEndWithTheFirstTestThatRuns) {
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
TEST_F(OutOfUse, APrefixThatRestsIsWokenByItsDeadline) {
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

TEST_F(OutOfUse, AFaultyPrefixGoesOutOfUseAndOthersFinish) {
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

TEST_F(OutOfUse, ATestThatRanEndsTheCountOfFaults) {
  plan.policy.quarantine_after = 2;
  for (int i = 0; i < 4; ++i) test("t" + std::to_string(i), {"east"});
  for (const unsigned nth : {1U, 3U, 5U}) reset("a.east", nth, {.takes = 2s, .fault = Fault::host});
  play();
  EXPECT_EQ(timeline({"out of use"}), "");
}

TEST_F(OutOfUse, WithoutAPrefixLeftTestsAreUntestedByTheInfrastructure) {
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
TEST_F(OutOfUse, TheEndWaitsForTheJudgesWhenNoPrefixIsLeft) {
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

TEST_F(OutOfUse, ANewRunTrustsEveryPrefixAgain) {
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

TEST_F(OutOfUse, ANewRunForgetsTheFaultsOfTheLast) {
  plan.policy.quarantine_after = 2;
  plan.policy.host_fault_retries = 0;
  test("one", {"east"});
  for (const unsigned nth : {1U, 2U}) reset("a.east", nth, {.takes = 2s, .fault = Fault::host});
  at(100s, core::event::RunSubmitted{plan});
  play();
  EXPECT_EQ(timeline({"out of use"}), "");
}

// Each prefix has its own rest; the first to end is the deadline.
TEST_F(OutOfUse, PrefixesRestEachForItself) {
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

TEST_F(OutOfUse, DestructionsThatFailAreCountedInARow) {
  plan.policy.host_fault_retries = 9;
  plan.policy.quarantine_after = 9;
  for (const char* name : {"one", "two"}) test(name, {"east"});
  for (const unsigned nth : {1U, 2U, 4U, 5U}) destruction("a.east", nth, {.takes = 1s, .fails = true});
  play();
  EXPECT_EQ(timeline({"left", "finish"}), lines(R"(
    37 finish the run: completed
  )"));
}

TEST_F(OutOfUse, AFailedDestructionIsAHostFault) {
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

TEST_F(OutOfUse, WhatCannotBeDestroyedIsLeftBehindAndTheRunEnds) {
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
    18 report a.east: could not be destroyed and is left behind: still there
    18 finish the run: completed
  )"));
}

// The hypervisor refuses to start what still runs; the prefix goes out of use and the other does the work.
TEST_F(OutOfUse, ALeftoverTakesItsPrefixOutOfUse) {
  prefixes({"a.", "b."});
  for (int i = 0; i < 6; ++i) test("t" + std::to_string(i), {"east"});
  for (unsigned nth = 1; nth <= 3; ++nth) destruction("a.east", nth, {.takes = 1s, .fails = true});
  play();
  EXPECT_EQ(timeline({"left", "out of use", "finish"}), lines(R"(
    18 report a.east: could not be destroyed and is left behind: still there
    19 report a. out of use: domain is already running
    64 finish the run: completed
  )"));
}

}  // namespace
}  // namespace kvmtest::scenarios
