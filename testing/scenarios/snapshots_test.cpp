// Domains that go back to a saved state instead of being booted: who saves, who waits for it, what is paused.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class Snapshots : public Scenario {
 protected:
  Snapshots() { plan.quick_slots = 4; }
};

TEST_F(Snapshots, TheFirstTestBootsAndSavesTheNextOnesLoad) {
  for (const char* name : {"one", "two", "three"}) test(name, {"east"});
  state("a.east", "E");
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
    15 load a.east
    16 a.east was reset
    16 run two#1 on a.
    16 one#1 was judged
    16 report one#1 passed
    21 two#1 ran
    21 judge two#1
    21 pause a.east
    21 a.east was paused
    21 load a.east
    22 a.east was reset
    22 run three#1 on a.
    22 two#1 was judged
    22 report two#1 passed
    27 three#1 ran
    27 judge three#1
    27 destroy a.east
    28 three#1 was judged
    28 report three#1 passed
    28 a.east was destroyed
    28 finish the run: completed
  )"));
}

TEST_F(Snapshots, OfTwoPrefixesWithOneStateOneBootsAndTheOtherRestores) {
  prefixes({"a.", "b."});
  for (const char* name : {"one", "two", "three", "four"}) test(name, {"east"});
  state("a.east", "E");
  state("b.east", "E");
  play();
  EXPECT_EQ(timeline({"reset and save ", "restore", "load", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 run one#1 on a.
    10 restore b.east
    11 run two#1 on b.
    15 load a.east
    16 run three#1 on a.
    16 load b.east
    17 run four#1 on b.
  )"));
}

// In the time that a prefix waits for another one's boot it holds no slot, and is said to wait.
TEST_F(Snapshots, WaitingForAnotherOnesBootIsWaiting) {
  prefixes({"a.", "b."});
  for (const char* name : {"one", "two"}) test(name, {"east"});
  state("a.east", "E");
  state("b.east", "E");
  play();
  const auto& split = outcome.verdicts.at(core::TestIndex{1})[0].report.split;
  EXPECT_EQ(split.waiting, core::Duration(10s));
  EXPECT_EQ(split.reset, core::Duration(1s));
}

TEST_F(Snapshots, DomainsOfDifferentStatesDoNotWaitForEachOther) {
  prefixes({"a.", "b."});
  for (const char* name : {"one", "two"}) test(name, {"east"});
  state("a.east", "E");
  state("b.east", "F");
  play();
  EXPECT_EQ(timeline({"reset and save ", "restore", "load", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    0 reset and save b.east
    10 run one#1 on a.
    10 run two#1 on b.
  )"));
}

// One template for two hosts: the one of them waits for the other.
TEST_F(Snapshots, TwoHostsOfOnePrefixMayHaveTheSameState) {
  test("one", {"east", "west"});
  state("a.east", "E");
  state("a.west", "E");
  play();
  EXPECT_EQ(timeline({"reset and save ", "restore", "load", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 restore a.west
    11 run one#1 on a.
  )"));
}

TEST_F(Snapshots, KeptStatesAreRestoredFromTheStart) {
  prefixes({"a.", "b."});
  for (const char* name : {"one", "two"}) test(name, {"east"});
  state("a.east", "E");
  state("b.east", "E");
  kept("E");
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "load", "run "}), lines(R"(
    0 run submitted
    0 restore a.east
    0 restore b.east
    1 run one#1 on a.
    1 run two#1 on b.
  )"));
}

TEST_F(Snapshots, AHostThatIsNotNeededIsPausedAndComesBackByALoad) {
  test("one", {"east", "west"});
  test("two", {"east"});
  test("three", {"west"});
  state("a.east", "E");
  state("a.west", "W");
  play();
  EXPECT_EQ(timeline({"reset and save ", "restore", "load", "pause", "destroy", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    0 reset and save a.west
    10 run one#1 on a.
    15 pause a.west
    15 pause a.east
    15 a.west was paused
    15 a.east was paused
    15 load a.east
    16 run two#1 on a.
    21 pause a.east
    21 a.east was paused
    21 load a.west
    22 run three#1 on a.
    27 destroy a.east
    27 destroy a.west
    28 a.east was destroyed
    28 a.west was destroyed
  )"));
}

TEST_F(Snapshots, ADomainWithoutAStateIsBootedBesideOneThatHasOne) {
  test("one", {"east", "west"});
  test("two", {"east", "west"});
  test("three", {"east"});
  state("a.east", "E");
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "load", "pause", "destroy ", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    0 reset a.west
    10 run one#1 on a.
    15 pause a.east
    15 destroy a.west
    15 a.east was paused
    16 load a.east
    16 reset a.west
    26 run two#1 on a.
    31 destroy a.west
    31 pause a.east
    31 a.east was paused
    32 load a.east
    33 run three#1 on a.
    38 destroy a.east
  )"));
}

// The quick ones have slots of their own: nobody who goes back waits for a boot's slot.
TEST_F(Snapshots, LoadsDoNotQueueBehindBoots) {
  prefixes({"a.", "b."});
  plan.slots = 1;
  plan.quick_slots = 1;
  test("one", {"east"});
  test("long", {"nic", "road"});
  test("two", {"east", "west"});
  state("a.east", "E");
  state("a.west", "W");
  kept("E");
  kept("W");
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "load", "run "}), lines(R"(
    0 run submitted
    0 restore a.east
    0 reset b.nic
    1 run one#1 on a.
    6 load a.east
    7 restore a.west
    8 run two#1 on a.
    10 reset b.road
    20 run long#1 on b.
  )"));
}

// ---- clients outside runs ----

TEST_F(Snapshots, AClientsDomainIsSavedRestoredAndLoaded) {
  state("a.east", "E");
  state("b.east", "E");
  request(0s, 1, "a.east");
  request(100s, 2, "a.east", true);
  request(200s, 3, "b.east");
  destroy_request(300s, 4, "a.east");
  request(400s, 5, "a.east");
  play(false);
  EXPECT_EQ(timeline(), lines(R"(
    0 a.east was requested, request 1
    0 reset and save a.east
    10 a.east was reset
    10 answer request 1: done
    100 a.east was requested fresh, request 2
    100 load a.east
    101 a.east was reset
    101 answer request 2: done
    200 b.east was requested, request 3
    200 restore b.east
    201 b.east was reset
    201 answer request 3: done
    300 an end of a.east was requested, request 4
    300 destroy a.east
    301 a.east was destroyed
    301 answer request 4: done
    400 a.east was requested, request 5
    400 restore a.east
    401 a.east was reset
    401 answer request 5: done
  )"));
}

TEST_F(Snapshots, AClientsDomainWhoseFilesChangedIsBooted) {
  state("a.east", "E");
  request(0s, 1, "a.east");
  state("a.east", "F");
  request(100s, 2, "a.east", true);
  play(false);
  EXPECT_EQ(timeline({"reset ", "load", "destroy "}), lines(R"(
    0 reset and save a.east
    100 destroy a.east
    101 reset and save a.east
  )"));
}

TEST_F(Snapshots, AClientThatWantsABootGetsOne) {
  state("a.east", "E");
  kept("E");
  request(0s, 1, "a.east");
  plan.states = {};
  request(100s, 2, "a.east", true);
  play(false);
  EXPECT_EQ(timeline({"reset ", "restore", "load", "destroy "}), lines(R"(
    0 restore a.east
    100 destroy a.east
    101 reset a.east
  )"));
}

TEST_F(Snapshots, ARunTakesAClientsDomainBack) {
  test("one", {"east"});
  state("a.east", "E");
  request(0s, 1, "a.east");
  at(100s, core::event::RunSubmitted{plan});
  play(false);
  EXPECT_EQ(timeline({"reset ", "load", "destroy ", "run "}), lines(R"(
    0 reset and save a.east
    100 run submitted
    100 load a.east
    101 run one#1 on a.
    106 destroy a.east
  )"));
}

// While a run uses a., somebody has a shell on b.: both have the same states.
TEST_F(Snapshots, AClientBesideARunUsesItsStates) {
  test("one", {"east"});
  test("two", {"east"});
  state("a.east", "E");
  state("b.east", "E");
  request(5s, 1, "b.east");
  request(12s, 2, "b.east", true);
  destroy_request(30s, 3, "b.east");
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "load", "destroy ", "run ", "answer"}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 run one#1 on a.
    10 restore b.east
    11 answer request 1: done
    12 load b.east
    13 answer request 2: done
    15 load a.east
    16 run two#1 on a.
    21 destroy a.east
    30 destroy b.east
    31 answer request 3: done
  )"));
}

// What was kept may have been forgotten since.
TEST_F(Snapshots, ARunKnowsOnlyTheStatesThatItIsTold) {
  test("one", {"east"});
  state("a.east", "E");
  at(100s, core::event::RunSubmitted{plan});
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 run one#1 on a.
    100 run submitted
    100 reset and save a.east
    110 run one#1 on a.
  )"));
}

}  // namespace
}  // namespace kvmtest::scenarios
