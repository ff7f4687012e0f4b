// Stopping: nothing new starts, what is under way is cancelled, every domain goes, and FinishRun is the last word.
// Being interrupted is the same, but the run is not over.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class Stop : public Scenario {};

TEST_F(Stop, CancelsTheRunningTestAndDestroysItsDomains) {
  test("one", {"east"});
  test("two", {"east"});
  stop_at(12s);
  play();
  EXPECT_EQ(timeline(), lines(R"(
    0 run submitted
    0 reset a.east
    10 a.east was reset
    10 run one#1 on a.
    12 stop requested
    12 cancel one#1
    12 one#1 was aborted: interrupted
    12 destroy a.east
    13 a.east was destroyed
    13 finish the run: stopped
  )"));
  EXPECT_EQ(*outcome.finished, core::record::Outcome::stopped);
  EXPECT_TRUE(outcome.verdicts.empty());
}

TEST_F(Stop, CancelsResetsAndWithdrawsWhatIsQueued) {
  plan.slots = 1;
  test("one", {"east", "west"});
  stop_at(3s);
  play();
  EXPECT_EQ(timeline(), lines(R"(
    0 run submitted
    0 reset a.east
    3 stop requested
    3 cancel the reset of a.east
    3 a.east failed to reset, guest: cancelled
    3 destroy a.east
    4 a.east was destroyed
    4 finish the run: stopped
  )"));
}

TEST_F(Stop, AResetTooFarGoneIsDestroyedWhenItIsReady) {
  test("one", {"east"});
  reset("a.east", 1, {.takes = 10s, .ignores_cancel = true});
  stop_at(3s);
  play();
  EXPECT_EQ(timeline({"a.east", "finish"}), lines(R"(
    0 reset a.east
    3 cancel the reset of a.east
    10 a.east was reset
    10 destroy a.east
    11 a.east was destroyed
    11 finish the run: stopped
  )"));
}

TEST_F(Stop, WaitsForTheJudges) {
  test("one", {"east"});
  judging("one", 1, {.takes = 30s});
  stop_at(20s);
  play();
  EXPECT_EQ(timeline({"one", "stop", "finish"}), lines(R"(
    10 run one#1 on a.
    15 one#1 ran
    15 judge one#1
    20 stop requested
    45 one#1 was judged
    45 report one#1 passed
    45 finish the run: stopped
  )"));
}

TEST_F(Stop, AScriptThatEndedJustThenIsJudged) {
  test("one", {"east"});
  attempt("one", 1, {.takes = 5s, .ignores_cancel = true});
  stop_at(14s);
  play();
  EXPECT_EQ(timeline({"one", "finish"}), lines(R"(
    10 run one#1 on a.
    14 cancel one#1
    15 one#1 ran
    15 judge one#1
    16 one#1 was judged
    16 report one#1 passed
    16 finish the run: stopped
  )"));
}

TEST_F(Stop, ATestThatLostADomainHasNoVerdictWhenStopped) {
  test("one", {"east"});
  attempt("one", 1, {.takes = 20s, .ignores_cancel = true});
  lose_at(12s, "a.east", Fault::host, false);
  stop_at(14s);
  play();
  EXPECT_EQ(timeline({"one", "finish"}), lines(R"(
    10 run one#1 on a.
    12 cancel one#1
    14 cancel one#1
    30 one#1 ran
    31 finish the run: stopped
  )"));
}

TEST_F(Stop, WhileAPrefixRestsEndsAtOnce) {
  plan.policy.cool_down = 3600s;
  test("one", {"east"});
  reset("a.east", 1, {.takes = 2s, .fault = Fault::host});
  stop_at(10s);
  play();
  EXPECT_EQ(timeline({"report", "stop", "finish", "deadline"}), lines(R"(
    2 report failed reset of a.east
    2 report one#1 unresolved east:HOST-FAULT, to be tried again
    10 stop requested
    10 finish the run: stopped
  )"));
}

TEST_F(Stop, WhileADomainIsDestroyedWaitsForIt) {
  test("one", {"east"});
  test("two", {"east"});
  destruction("a.east", 1, {.takes = 8s});
  stop_at(16s);
  play();
  EXPECT_EQ(timeline({"destroy", "stop", "finish"}), lines(R"(
    15 destroy a.east
    16 stop requested
    23 a.east was destroyed
    23 finish the run: stopped
  )"));
}

TEST_F(Stop, WhatCannotBeDestroyedDoesNotHoldIt) {
  test("one", {"east"});
  for (const unsigned nth : {1U, 2U, 3U}) destruction("a.east", nth, {.takes = 1s, .fails = true});
  stop_at(12s);
  play();
  EXPECT_EQ(timeline({"destroy", "left", "stop", "finish", "report"}), lines(R"(
    12 stop requested
    12 destroy a.east
    13 a.east could not be destroyed: still there
    13 destroy a.east
    14 a.east could not be destroyed: still there
    14 destroy a.east
    15 a.east could not be destroyed: still there
    15 report a.east: could not be destroyed and is left behind: still there
    15 finish the run: stopped
  )"));
}

TEST_F(Stop, DuringALoadCancelsIt) {
  for (const char* name : {"one", "two"}) test(name, {"east"});
  state("a.east", "E");
  reset("a.east", 2, {.takes = 60s});
  stop_at(20s);
  play();
  EXPECT_EQ(timeline({"a.east", "stop", "finish"}), lines(R"(
    0 reset and save a.east
    10 a.east was reset
    15 pause a.east
    15 a.east was paused
    15 load a.east
    20 stop requested
    20 cancel the reset of a.east
    20 a.east failed to reset, guest: cancelled
    20 destroy a.east
    21 a.east was destroyed
    21 finish the run: stopped
  )"));
}

TEST_F(Stop, WhatQueuesForALoadIsUpAndDestroyed) {
  for (const char* name : {"one", "two"}) test(name, {"east", "west"});
  state("a.east", "E");
  state("a.west", "W");
  reset("a.east", 2, {.takes = 60s});  // the one slot for it
  stop_at(20s);
  play();
  EXPECT_EQ(timeline({"load", "destroy", "stop", "finish"}), lines(R"(
    15 load a.east
    20 stop requested
    20 destroy a.west
    20 destroy a.east
    21 a.west was destroyed
    21 a.east was destroyed
    21 finish the run: stopped
  )"));
}

TEST_F(Stop, DuringAPauseWaitsForItAndDestroys) {
  pauses_take(1s);
  test("one", {"east", "west"});
  test("two", {"east"});
  state("a.east", "E");
  state("a.west", "W");
  reset("a.east", 2, {.takes = 60s});
  stop_at(15500ms);
  play();
  EXPECT_EQ(timeline({"a.west", "stop", "finish"}), lines(R"(
    0 reset and save a.west
    10 a.west was reset
    15 pause a.west
    15.5 stop requested
    16 a.west was paused
    16 destroy a.west
    17 a.west was destroyed
    18 finish the run: stopped
  )"));
}

TEST_F(Stop, PausedDomainsAreDestroyed) {
  test("one", {"east", "west"});
  test("two", {"east"});
  state("a.east", "E");
  state("a.west", "W");
  stop_at(18s);
  play();
  EXPECT_EQ(timeline({"pause", "destroy", "stop", "finish"}), lines(R"(
    15 pause a.west
    15 pause a.east
    15 a.west was paused
    15 a.east was paused
    18 stop requested
    18 destroy a.east
    18 destroy a.west
    19 a.east was destroyed
    19 a.west was destroyed
    19 finish the run: stopped
  )"));
}

TEST_F(Stop, WhoWaitsForAStateToBeSavedStopsWithItsSaver) {
  prefixes({"a.", "b."});
  for (const char* name : {"one", "two"}) test(name, {"east"});
  state("a.east", "E");
  state("b.east", "E");
  stop_at(5s);
  play();
  EXPECT_EQ(timeline({"reset", "destroy", "stop", "finish"}), lines(R"(
    0 reset and save a.east
    5 stop requested
    5 cancel the reset of a.east
    5 a.east failed to reset, guest: cancelled
    5 destroy a.east
    6 a.east was destroyed
    6 finish the run: stopped
  )"));
}

TEST_F(Stop, EveryPrefixStops) {
  prefixes({"a.", "b."});
  plan.slots = 4;
  test("one", {"east", "west"});
  test("two", {"east", "west"});
  stop_at(12s);
  play();
  EXPECT_EQ(timeline({"cancel", "finish"}), lines(R"(
    12 cancel one#1
    12 cancel two#1
    13 finish the run: stopped
  )"));
}

TEST_F(Stop, ResultsSoFarStand) {
  for (const char* name : {"one", "two"}) test(name, {"east"});
  stop_at(20s);
  play();
  EXPECT_EQ(outcome.verdicts.size(), 1U);
  EXPECT_EQ(*outcome.finished, core::record::Outcome::stopped);
}

TEST_F(Stop, OnceIsEnough) {
  test("one", {"east"});
  attempt("one", 1, {.takes = 60s, .ignores_cancel = true});
  stop_at(12s);
  stop_at(13s);
  play();
  EXPECT_EQ(timeline({"cancel", "finish"}), lines(R"(
    12 cancel one#1
    71 finish the run: stopped
  )"));
}

TEST_F(Stop, AnInterruptedRunStaysOpen) {
  test("one", {"east"});
  test("two", {"east"});
  interrupt_at(12s);
  play();
  EXPECT_EQ(timeline({"one", "two", "interrupted", "finish", "leave"}), lines(R"(
    10 run one#1 on a.
    12 interrupted
    12 cancel one#1
    12 one#1 was aborted: interrupted
    13 leave the run open
  )"));
  EXPECT_TRUE(outcome.verdicts.empty());
}

TEST_F(Stop, AnInterruptionMakesNoVerdictFinalThatARetryCouldChange) {
  plan.policy.retries = 1;
  test("one", {"east"});
  judging("one", 1, {.verdict = core::Verdict::failed});
  interrupt_at(15s);
  play();
  EXPECT_EQ(timeline({"report", "interrupted", "leave"}), lines(R"(
    15 interrupted
    15 report one#1 failed, to be tried again
    16 leave the run open
  )"));
}

TEST_F(Stop, APersonsStopIsOneWhateverInterruptsTheRunAsWell) {
  test("one", {"east"});
  attempt("one", 1, {.takes = 60s, .ignores_cancel = true});
  stop_at(11s);
  interrupt_at(12s);
  play();
  EXPECT_EQ(outcome.finished, core::record::Outcome::stopped);
}

TEST_F(Stop, APersonsStopIsOneWhileTheRunIsBeingInterrupted) {
  test("one", {"east"});
  attempt("one", 1, {.takes = 60s, .ignores_cancel = true});
  interrupt_at(11s);
  stop_at(12s);
  play();
  EXPECT_EQ(outcome.finished, core::record::Outcome::stopped);
}

TEST_F(Stop, WithoutARunIsNothing) {
  stop_at(1s);
  play(false);
  EXPECT_EQ(timeline(), "1 stop requested\n");
}

TEST_F(Stop, DoesNotReachTheNextRun) {
  test("one", {"east"});
  stop_at(3s);
  at(100s, core::event::RunSubmitted{plan});
  play();
  EXPECT_EQ(timeline({"finish", "report"}), lines(R"(
    4 finish the run: stopped
    116 report one#1 passed
    116 finish the run: completed
  )"));
}

}  // namespace
}  // namespace kvmtest::scenarios
