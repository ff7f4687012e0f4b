// Domains' spares (docs/adr/0012-spares.md): made ready while a test runs, swapped in after it. In these a spare takes
// 3 s, and 2 s of them until it is started; going back in place takes 1 s, and a swap no time.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class Spares : public Scenario {
 protected:
  Spares() {
    plan.quick_slots = 4;
    plan.spares = 2;
    state("a.east", "E");
    kept("E");
    model.spare = [this](const core::Domain&, bool) { return fate; };
    model.swap = [this](const core::Domain&, unsigned nth) {
      return swap_that_fails == nth ? ResetFate{.fault = Fault::host} : ResetFate{};
    };
  }

  simulator::SpareFate fate{.takes = 3s, .started_after = 2s};
  unsigned swap_that_fails = 0;  ///< the n-th reset of the domain
  const std::vector<std::string> words{"spare", "swap", "load", "restore", "pause a", "destroy", "run "};
};

TEST_F(Spares, AreMadeReadyDuringATestAndSwappedInAfterIt) {
  for (const char* name : {"one", "two", "three"}) test(name, {"east"});
  play();
  EXPECT_EQ(timeline(words), lines(R"(
    0 run submitted
    0 restore a.east
    1 run one#1 on a.
    1 start the spare of a.east
    3 the spare of a.east was started
    4 the spare of a.east is ready
    6 pause a.east
    6 swap a.east
    6 run two#1 on a.
    6 load the spare of a.east
    9 the spare of a.east is ready
    11 pause a.east
    11 swap a.east
    11 run three#1 on a.
    11 discard the spare of a.east
    11 the spare of a.east was discarded
    16 destroy a.east
    17 a.east was destroyed
  )"));
}

TEST_F(Spares, ASpareThatOnlyWarmsUpIsWaitedFor) {
  for (const char* name : {"one", "two"}) test(name, {"east"});
  attempt("one", 1, {.takes = 2500ms});
  play();
  EXPECT_EQ(timeline({"spare of a.east", "swap", "load", "run "}), lines(R"(
    0 run submitted
    1 run one#1 on a.
    1 start the spare of a.east
    3 the spare of a.east was started
    3.5 hurry the spare of a.east
    4 the spare of a.east is ready
    4 swap a.east
    4 run two#1 on a.
    4 discard the spare of a.east
    4 the spare of a.east was discarded
  )"));
}

TEST_F(Spares, ASpareThatIsBeingStartedIsNotWorthWaitingFor) {
  for (const char* name : {"one", "two"}) test(name, {"east"});
  attempt("one", 1, {.takes = 500ms});
  play();
  EXPECT_EQ(timeline({"spare of a.east", "swap", "load", "run "}), lines(R"(
    0 run submitted
    1 run one#1 on a.
    1 start the spare of a.east
    1.5 load a.east
    2.5 run two#1 on a.
    2.5 discard the spare of a.east
    2.5 the spare of a.east failed: discarded
    2.5 the spare of a.east was discarded
  )"));
}

// It would be started anew as well.
TEST_F(Spares, ADomainWhoseConsoleIsStuckWaitsForItsSpare) {
  for (const char* name : {"one", "two"}) test(name, {"east"});
  attempt("one", 1, {.takes = 500ms, .stuck = {core::Host{"east"}}});
  play();
  EXPECT_EQ(timeline({"spare of a.east", "swap", "load", "restore", "pause a", "run "}), lines(R"(
    0 run submitted
    0 restore a.east
    1 run one#1 on a.
    1 start the spare of a.east
    1.5 pause a.east
    1.5 hurry the spare of a.east
    3 the spare of a.east was started
    4 the spare of a.east is ready
    4 swap a.east
    4 run two#1 on a.
    4 discard the spare of a.east
    4 the spare of a.east was discarded
  )"));
}

TEST_F(Spares, WhatWasLeftWithAStuckConsoleIsStartedAnew) {
  for (const char* name : {"one", "two", "three"}) test(name, {"east"});
  attempt("one", 1, {.takes = 5s, .stuck = {core::Host{"east"}}});
  play();
  EXPECT_EQ(timeline({"the spare of a.east", "run "}), lines(R"(
    0 run submitted
    1 run one#1 on a.
    1 start the spare of a.east
    3 the spare of a.east was started
    4 the spare of a.east is ready
    6 run two#1 on a.
    6 start the spare of a.east
    8 the spare of a.east was started
    9 the spare of a.east is ready
    11 run three#1 on a.
    11 discard the spare of a.east
    11 the spare of a.east was discarded
  )"));
}

TEST_F(Spares, AfterTwoFailuresItIsSaidAndLeftAlone) {
  fate.fails = true;
  for (const char* name : {"one", "two", "three", "four"}) test(name, {"east"});
  play();
  EXPECT_EQ(timeline({"spare", "load", "run "}), lines(R"(
    0 run submitted
    1 run one#1 on a.
    1 start the spare of a.east
    3 the spare of a.east was started
    4 the spare of a.east failed: no spare
    6 load a.east
    7 run two#1 on a.
    7 start the spare of a.east
    9 the spare of a.east was started
    10 the spare of a.east failed: no spare
    10 report a.east: no spare is made ready any more: no spare
    12 load a.east
    13 run three#1 on a.
    18 load a.east
    19 run four#1 on a.
  )"));
}

// Whether it was swapped in or not: what is there now is nobody's clean domain.
TEST_F(Spares, AfterASwapThatFailsTheDomainIsStartedInItsState) {
  swap_that_fails = 2;
  for (const char* name : {"one", "two"}) test(name, {"east"});
  play();
  EXPECT_EQ(timeline({"swap", "restore", "destroy ", "reset", "run "}), lines(R"(
    0 run submitted
    0 restore a.east
    1 a.east was reset
    1 run one#1 on a.
    6 swap a.east
    6 a.east failed to reset, host: no shell
    6 report failed reset of a.east, to be tried again
    6 destroy a.east
    7 restore a.east
    8 a.east was reset
    8 run two#1 on a.
    13 destroy a.east
  )"));
}

TEST_F(Spares, NoneIsBegunWhileADomainIsBeingStarted) {
  prefixes({"a.", "b."});
  test("one", {"east"});
  test("other", {"nic"});
  test("two", {"east"});
  attempt("one", 1, {.takes = 12s});
  play();
  EXPECT_EQ(timeline({"the spare of a.east", "reset b.nic", "b.nic was reset", "run one"}), lines(R"(
    0 reset b.nic
    1 run one#1 on a.
    10 b.nic was reset
    10 start the spare of a.east
    12 the spare of a.east was started
    13 the spare of a.east is ready
    13 discard the spare of a.east
    13 the spare of a.east was discarded
  )"));
}

TEST_F(Spares, NoMoreDomainsHaveOneThanMay) {
  plan.spares = 1;
  state("a.west", "W");
  kept("W");
  for (const char* name : {"one", "two"}) test(name, {"east", "west"});
  play();
  EXPECT_EQ(timeline({"start the spare", "swap", "load"}), lines(R"(
    1 start the spare of a.east
    6 swap a.east
    6 load a.west
  )"));
}

TEST_F(Spares, ThoseOfAFailedTestThatIsKeptAreDiscarded) {
  plan.policy.keep_failed = true;
  for (const char* name : {"one", "two"}) test(name, {"east"});
  judging("one", 1, {.takes = 1s, .verdict = core::Verdict::failed});
  play();
  EXPECT_EQ(timeline({"spare", "holds"}), lines(R"(
    1 start the spare of a.east
    3 the spare of a.east was started
    4 the spare of a.east is ready
    7 discard the spare of a.east
    7 report that a. holds one
    7 report two untested: every prefix holds what a failure left, or is out of use
    7 the spare of a.east was discarded
  )"));
}

TEST_F(Spares, OneThatIsBeingMadeReadyGoesWithItsDomain) {
  for (const char* name : {"one", "two"}) test(name, {"east"});
  attempt("one", 1, {.takes = 500ms, .loss = Loss{.after = 100ms, .fault = Fault::guest, .host = core::Host{"east"}}});
  play();
  EXPECT_EQ(timeline({"spare", "destroy a.east", "restore"}), lines(R"(
    0 restore a.east
    1 start the spare of a.east
    1.1 destroy a.east
    1.1 the spare of a.east failed: its domain was destroyed
    2.1 restore a.east
    8.1 destroy a.east
  )"));
}

// ---- processors ----

TEST_F(Spares, WhereTheLoadDecidesOneIsStartedOnAnIdleProcessor) {
  for (const char* name : {"one", "two", "three"}) {
    test(name, {"east"});
    attempt(name, 1, {.takes = 0s, .work = 5s});
  }
  plan.admission.starts = true;
  model.tick = std::chrono::milliseconds(100);
  model.cores = 1;
  play();
  EXPECT_EQ(timeline({"start the spare"}), "") << "the test has the processor";
  model.cores = 2;
  play();
  EXPECT_NE(timeline({"start the spare of a.east"}), "");
}

TEST_F(Spares, WhereAPartOfTheProcessorsIsOthersNoneIsMadeReadyButOnAnIdleOne) {
  for (const char* name : {"one", "two", "three", "four", "five"}) test(name, {"east"});
  for (const char* name : {"three", "four"}) attempt(name, 1, {.takes = 0s, .work = 5s});
  plan.sharing.share = 0.5;
  model.tick = std::chrono::milliseconds(100);
  model.cores = 1;
  play();
  EXPECT_NE(timeline({"start the spare of a.east"}), "") << "while the first one sleeps";
  EXPECT_EQ(timeline({"load the spare of a.east", "swap", "load a.east", "run t", "run f"}), lines(R"(
    6 swap a.east
    6 run two#1 on a.
    6 load the spare of a.east
    11 swap a.east
    11 run three#1 on a.
    11 load the spare of a.east
    16 swap a.east
    16 run four#1 on a.
    21 load a.east
    22 run five#1 on a.
  )")) << "the third one has kept the processor busy";
}

}  // namespace
}  // namespace kvmtest::scenarios
