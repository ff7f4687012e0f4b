// A client's wishes outside runs (kvmsh, doctor), and how they and runs keep out of each other's way.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class Requests : public Scenario {};

TEST_F(Requests, ADomainIsBroughtUpOnceAndStaysUp) {
  request(0s, 1, "a.east");
  request(100s, 2, "a.east");
  play(false);
  EXPECT_EQ(timeline(), lines(R"(
    0 a.east was requested, request 1
    0 reset a.east
    10 a.east was reset
    10 answer request 1: done
    100 a.east was requested, request 2
    100 answer request 2: done
  )"));
}

TEST_F(Requests, AFreshOneIsResetEvenWhenItIsUp) {
  request(0s, 1, "a.east");
  request(100s, 2, "a.east", true);
  play(false);
  EXPECT_EQ(timeline(), lines(R"(
    0 a.east was requested, request 1
    0 reset a.east
    10 a.east was reset
    10 answer request 1: done
    100 a.east was requested fresh, request 2
    100 destroy a.east
    101 a.east was destroyed
    101 reset a.east
    111 a.east was reset
    111 answer request 2: done
  )"));
}

TEST_F(Requests, TwoWaitForTheSameReset) {
  request(0s, 1, "a.east");
  request(5s, 2, "a.east");
  play(false);
  EXPECT_EQ(timeline({"reset", "answer"}), lines(R"(
    0 reset a.east
    10 a.east was reset
    10 answer request 1: done
    10 answer request 2: done
  )"));
}

TEST_F(Requests, SlotsAreTheClientsWhileNoRunSetsThem) {
  request(0s, 1, "a.east", false, 2);
  request(0s, 2, "a.west", false, 2);
  request(0s, 3, "a.nic", false, 2);
  play(false);
  EXPECT_EQ(timeline({"reset "}), lines(R"(
    0 reset a.east
    0 reset a.west
    10 reset a.nic
  )"));
}

TEST_F(Requests, AFailedResetIsTheAnswer) {
  reset("a.east", 1, {.takes = 4s, .fault = Fault::guest, .reason = "kernel panic"});
  request(0s, 1, "a.east");
  play(false);
  EXPECT_EQ(timeline({"reset", "answer"}), lines(R"(
    0 reset a.east
    4 a.east failed to reset, guest: kernel panic
    4 report failed reset of a.east
    4 answer request 1: kernel panic
  )"));
}

// It once was taken for up: there was something, if only a guest that hangs.
TEST_F(Requests, AfterAFailedResetTheNextOneResetsAgain) {
  reset("a.east", 1, {.takes = 4s, .fault = Fault::guest});
  request(0s, 1, "a.east");
  request(10s, 2, "a.east");
  play(false);
  EXPECT_EQ(timeline(), lines(R"(
    0 a.east was requested, request 1
    0 reset a.east
    4 a.east failed to reset, guest: no shell
    4 report failed reset of a.east
    4 answer request 1: no shell
    10 a.east was requested, request 2
    10 destroy a.east
    11 a.east was destroyed
    11 reset a.east
    21 a.east was reset
    21 answer request 2: done
  )"));
}

// It once was taken for up for ever.
TEST_F(Requests, ADomainThatWasLostIsResetForTheNextOne) {
  request(0s, 1, "a.east");
  lose_at(50s, "a.east", Fault::guest);
  request(100s, 2, "a.east");
  play(false);
  EXPECT_EQ(timeline(), lines(R"(
    0 a.east was requested, request 1
    0 reset a.east
    10 a.east was reset
    10 answer request 1: done
    50 a.east was lost, guest: lost
    50 destroy a.east
    51 a.east was destroyed
    100 a.east was requested, request 2
    100 reset a.east
    110 a.east was reset
    110 answer request 2: done
  )"));
}

TEST_F(Requests, ADestroyedDomainIsOff) {
  request(0s, 1, "a.east");
  destroy_request(50s, 2, "a.east");
  destroy_request(60s, 3, "a.east");
  play(false);
  EXPECT_EQ(timeline({"destroy", "answer"}), lines(R"(
    10 answer request 1: done
    50 destroy a.east
    51 a.east was destroyed
    51 answer request 2: done
    60 answer request 3: done
  )"));
}

TEST_F(Requests, ADestructionCancelsTheResetAndTellsWhoWaited) {
  request(0s, 1, "a.east");
  destroy_request(5s, 2, "a.east");
  play(false);
  EXPECT_EQ(timeline(), lines(R"(
    0 a.east was requested, request 1
    0 reset a.east
    5 an end of a.east was requested, request 2
    5 answer request 1: somebody destroyed the domain meanwhile
    5 cancel the reset of a.east
    5 a.east failed to reset, guest: cancelled
    5 destroy a.east
    6 a.east was destroyed
    6 answer request 2: done
  )"));
}

TEST_F(Requests, ADestructionWithdrawsWhatIsQueued) {
  request(0s, 1, "a.east");
  request(0s, 2, "a.west");
  destroy_request(5s, 3, "a.west");
  play(false);
  EXPECT_EQ(timeline({"a.west", "answer"}), lines(R"(
    0 a.west was requested, request 2
    5 an end of a.west was requested, request 3
    5 answer request 2: somebody destroyed the domain meanwhile
    5 answer request 3: done
    10 answer request 1: done
  )"));
}

// It once was forgotten: nothing happened after the destruction that would have made anyone look.
TEST_F(Requests, ADomainWantedWhileItIsDestroyedComesUp) {
  request(0s, 1, "a.east");
  destruction("a.east", 1, {.takes = 10s});
  destroy_request(50s, 2, "a.east");
  request(55s, 3, "a.east");
  play(false);
  EXPECT_EQ(timeline(), lines(R"(
    0 a.east was requested, request 1
    0 reset a.east
    10 a.east was reset
    10 answer request 1: done
    50 an end of a.east was requested, request 2
    50 destroy a.east
    55 a.east was requested, request 3
    60 a.east was destroyed
    60 answer request 2: done
    60 reset a.east
    70 a.east was reset
    70 answer request 3: done
  )"));
}

TEST_F(Requests, ADestructionThatFailsThreeTimesIsAnError) {
  request(0s, 1, "a.east");
  for (const unsigned nth : {1U, 2U, 3U}) destruction("a.east", nth, {.takes = 1s, .fails = true});
  destroy_request(50s, 2, "a.east");
  play(false);
  EXPECT_EQ(timeline({"destroy", "left", "answer"}), lines(R"(
    10 answer request 1: done
    50 destroy a.east
    51 a.east could not be destroyed: still there
    51 destroy a.east
    52 a.east could not be destroyed: still there
    52 destroy a.east
    53 a.east could not be destroyed: still there
    53 report a.east: could not be destroyed and is left behind: still there
    53 answer request 2: still there
  )"));
}

TEST_F(Requests, DuringARunItsPrefixIsRefused) {
  test("one", {"east"});
  request(3s, 1, "a.east");
  destroy_request(4s, 2, "a.east");
  request(5s, 3, "a.north", true);
  play();
  EXPECT_EQ(timeline({"answer", "finish"}), lines(R"(
    3 answer request 1: a run is using prefix 'a.'
    4 answer request 2: a run is using prefix 'a.'
    5 answer request 3: a run is using prefix 'a.'
    16 finish the run: completed
  )"));
}

// They share the run's slots, and outlive it.
TEST_F(Requests, DuringARunAnotherPrefixIsServed) {
  plan.slots = 1;
  test("one", {"east"});
  request(3s, 1, "b.east", false, 8);
  play();
  EXPECT_EQ(timeline({"b.east", "answer", "run ", "finish"}), lines(R"(
    0 run submitted
    3 b.east was requested, request 1
    10 run one#1 on a.
    10 reset b.east
    16 finish the run: completed
    20 b.east was reset
    20 answer request 1: done
  )"));
}

TEST_F(Requests, AStopDoesNotTouchAnotherPrefix) {
  test("one", {"east"});
  request(3s, 1, "b.east");
  stop_at(5s);
  play();
  EXPECT_EQ(timeline({"b.east", "cancel", "answer", "finish"}), lines(R"(
    3 b.east was requested, request 1
    3 reset b.east
    5 cancel the reset of a.east
    5 a.east failed to reset, guest: cancelled
    6 finish the run: stopped
    13 b.east was reset
    13 answer request 1: done
  )"));
}

TEST_F(Requests, ARunThatStartsAnswersThoseWhoWaitOnItsPrefix) {
  request(0s, 1, "a.east");
  request(0s, 2, "a.west");
  test("one", {"nic"});
  at(5s, core::event::RunSubmitted{plan});
  play(false);
  EXPECT_EQ(timeline(), lines(R"(
    0 a.east was requested, request 1
    0 reset a.east
    0 a.west was requested, request 2
    5 run submitted
    5 answer request 1: a run has started on prefix 'a.'
    5 answer request 2: a run has started on prefix 'a.'
    5 cancel the reset of a.east
    5 reset a.nic
    5 a.east failed to reset, guest: cancelled
    5 destroy a.east
    6 a.east was destroyed
    15 a.nic was reset
    15 run one#1 on a.
    20 one#1 ran
    20 judge one#1
    20 destroy a.nic
    21 one#1 was judged
    21 report one#1 passed
    21 a.nic was destroyed
    21 finish the run: completed
  )"));
}

// What was lent is not known to be clean.
TEST_F(Requests, ARunResetsWhatWasLent) {
  request(0s, 1, "a.east");
  test("one", {"east"});
  at(50s, core::event::RunSubmitted{plan});
  play(false);
  EXPECT_EQ(timeline({"a.east", "run "}), lines(R"(
    0 a.east was requested, request 1
    0 reset a.east
    10 a.east was reset
    50 run submitted
    50 destroy a.east
    51 a.east was destroyed
    51 reset a.east
    61 a.east was reset
    61 run one#1 on a.
    66 destroy a.east
    67 a.east was destroyed
  )"));
}

TEST_F(Requests, ARunDestroysWhatWasLentAndIsNotNeeded) {
  request(0s, 1, "a.west");
  request(0s, 2, "b.west");
  test("one", {"east"});
  at(50s, core::event::RunSubmitted{plan});
  play(false);
  EXPECT_EQ(timeline({"destroy", "run "}), lines(R"(
    50 run submitted
    50 destroy a.west
    51 a.west was destroyed
    60 run one#1 on a.
    65 destroy a.east
    66 a.east was destroyed
  )"));
}

TEST_F(Requests, AfterARunItsPrefixIsFree) {
  test("one", {"east"});
  request(100s, 1, "a.east");
  play();
  EXPECT_EQ(timeline({"answer"}), "110 answer request 1: done\n");
}

}  // namespace
}  // namespace kvmtest::scenarios
