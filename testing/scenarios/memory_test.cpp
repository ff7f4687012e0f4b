// What the machine's memory allows: groups wait for each other, and domains that are only paused make room.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class MemoryBudget : public Scenario {
 protected:
  MemoryBudget() {
    plan.slots = 4;
    plan.quick_slots = 4;
    for (const char* prefix : {"a.", "b."})
      for (const char* host : {"east", "west", "north"}) {
        state(std::string(prefix) + host, host);
        plan.memory.need[core::Host{host}] = 1;
      }
  }
};

TEST_F(MemoryBudget, AGroupWaitsWhileItDoesNotFit) {
  prefixes({"a.", "b."});
  plan.memory.budget = 3;
  test("one", {"east", "west"});
  test("two", {"east", "west"});
  test("three", {"east"});
  play();
  EXPECT_EQ(timeline({"reset ", "load", "restore", "pause", "destroy ", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    0 reset and save a.west
    10 run one#1 on a.
    15 pause a.east
    15 pause a.west
    15 restore b.east
    15 a.east was paused
    15 a.west was paused
    15 load a.east
    15 load a.west
    16 run three#1 on b.
    16 run two#1 on a.
    21 destroy b.east
    21 destroy a.east
    21 destroy a.west
  )"));
}

TEST_F(MemoryBudget, WithoutABudgetNobodyWaits) {
  prefixes({"a.", "b."});
  plan.states = {};
  test("one", {"east", "west"});
  test("two", {"east", "west"});
  play();
  EXPECT_EQ(timeline({"run "}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    10 run two#1 on b.
  )"));
}

TEST_F(MemoryBudget, OneGroupAloneRunsHoweverLarge) {
  prefixes({"a.", "b."});
  plan.memory.budget = 1;
  test("one", {"east", "west"});
  test("two", {"east", "west"});
  play();
  EXPECT_EQ(timeline({"reset ", "load", "restore", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    0 reset and save a.west
    10 run one#1 on a.
    15 load a.east
    15 load a.west
    16 run two#1 on a.
  )"));
}

// b. is kept from the queue by a test without memory's needs, until a. has a paused domain and fits beside it.
TEST_F(MemoryBudget, PausedDomainsMakeRoomForAnotherPrefixesGroup) {
  prefixes({"a.", "b."});
  plan.memory.budget = 3;
  test("one", {"east", "west"});
  test("free", {"nic"});
  test("two", {"east"});
  test("three", {"east", "north"});
  attempt("free", 1, {.takes = 8s});
  attempt("two", 1, {.takes = 60s});
  play();
  EXPECT_EQ(timeline({"reset ", "load", "restore", "pause ", "a.west", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    0 reset and save a.west
    0 reset b.nic
    10 a.west was reset
    10 run one#1 on a.
    10 run free#1 on b.
    15 pause a.west
    15 pause a.east
    15 a.west was paused
    15 load a.east
    16 run two#1 on a.
    18 destroy a.west
    19 a.west was destroyed
    19 restore b.east
    19 reset and save b.north
    29 run three#1 on b.
  )"));
}

// As many as must go, not all.
TEST_F(MemoryBudget, PausedDomainsThatFitStay) {
  prefixes({"a.", "b."});
  plan.memory.budget = 3;
  test("one", {"east", "north", "west"});
  test("free", {"nic"});
  test("two", {"east"});
  test("three", {"east"});
  attempt("free", 1, {.takes = 8s});
  attempt("two", 1, {.takes = 20s});
  play();
  EXPECT_EQ(timeline({"pause ", "destroy a", "restore", "run "}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    10 run free#1 on b.
    15 pause a.north
    15 pause a.west
    15 pause a.east
    16 run two#1 on a.
    18 destroy a.north
    19 restore b.east
    20 run three#1 on b.
    36 destroy a.east
    36 destroy a.west
  )"));
}

// A prefix's own: what does not fit beside the next group is destroyed, not paused, and the group waits for that.
TEST_F(MemoryBudget, ADomainThatHasNoRoomIsNotPaused) {
  plan.memory.budget = 2;
  test("one", {"east", "west"});
  test("two", {"east", "north"});
  play();
  EXPECT_EQ(timeline({"reset ", "load", "pause", "a.west was", "destroy ", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    0 reset and save a.west
    10 a.west was reset
    10 run one#1 on a.
    15 destroy a.west
    15 pause a.east
    15 a.east was paused
    16 a.west was destroyed
    16 load a.east
    16 reset and save a.north
    26 run two#1 on a.
    31 destroy a.east
    31 destroy a.north
  )"));
}

TEST_F(MemoryBudget, ADomainThatIsBeingPausedIsDestroyedWhenItsRoomIsNeeded) {
  prefixes({"a.", "b."});
  plan.memory.budget = 3;
  pauses_take(1s);
  test("one", {"east", "nic", "west"});
  test("free", {"nic"});
  test("two", {"east"});
  test("three", {"east", "north"});
  attempt("free", 1, {.takes = 5500ms});
  play();
  EXPECT_EQ(timeline({"a.west", "restore", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.west
    10 a.west was reset
    10 run one#1 on a.
    10 run free#1 on b.
    15 pause a.west
    16 a.west was paused
    16 destroy a.west
    17 a.west was destroyed
    17 restore b.east
    18 run two#1 on a.
    27 run three#1 on b.
  )"));
}

// Its domains are not the run's to destroy.
TEST_F(MemoryBudget, AClientsDomainsCountButKeepNobodyFromRunning) {
  plan.memory.budget = 2;
  test("one", {"east", "west"});
  request(0s, 1, "b.east");
  at(20s, core::event::RunSubmitted{plan});
  destroy_request(100s, 2, "b.east");
  play(false);
  EXPECT_EQ(timeline({"reset ", "restore", "run ", "destroy b"}), lines(R"(
    0 reset and save b.east
    20 run submitted
    20 reset and save a.east
    20 reset and save a.west
    30 run one#1 on a.
    100 destroy b.east
  )"));
}

TEST_F(MemoryBudget, ATestThatWaitsForMemoryIsStoppedLikeAnyOther) {
  prefixes({"a.", "b."});
  plan.memory.budget = 2;
  test("one", {"east", "west"});
  test("two", {"east", "west"});
  stop_at(12s);
  play();
  EXPECT_EQ(timeline({"run ", "destroy ", "finish"}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    12 destroy a.east
    12 destroy a.west
    13 finish the run: stopped
  )"));
}

}  // namespace
}  // namespace kvmtest::scenarios
