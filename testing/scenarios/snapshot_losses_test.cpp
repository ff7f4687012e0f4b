// Domains that are lost while they could go back to a saved state, or are about to. No test pays for it.

#include "snapshot_faults.h"

namespace kvmtest::scenarios {
namespace {

TEST_F(SnapshotFaults, ADomainLostWhilePausedIsRestored) {
  test("one", {"east", "west"});
  test("two", {"east"});
  test("three", {"west"});
  lose_at(18s, "a.west", Fault::host);
  play();
  EXPECT_EQ(timeline({"a.west", "run ", "report"}), lines(R"(
    0 run submitted
    0 reset and save a.west
    10 a.west was reset
    10 run one#1 on a.
    15 pause a.west
    15 a.west was paused
    16 run two#1 on a.
    16 report one#1 passed
    18 a.west was lost, host: lost
    21 destroy a.west
    22 report two#1 passed
    22 a.west was destroyed
    22 restore a.west
    23 a.west was reset
    23 run three#1 on a.
    28 destroy a.west
    29 report three#1 passed
    29 a.west was destroyed
  )"));
}

TEST_F(SnapshotFaults, ADomainLostWhileItIsPausedIsDestroyed) {
  pauses_take(1s);
  test("one", {"east", "west"});
  test("two", {"east"});
  lose_at(15500ms, "a.west", Fault::host);
  play();
  EXPECT_EQ(timeline({"a.west", "run ", "report"}), lines(R"(
    0 run submitted
    0 reset and save a.west
    10 a.west was reset
    10 run one#1 on a.
    15 pause a.west
    15.5 a.west was lost, host: lost
    16 report one#1 passed
    16 a.west could not be paused: it does not stop
    16 destroy a.west
    17 a.west was destroyed
    18 run two#1 on a.
    24 report two#1 passed
  )"));
}

// A late answer of the pause does not make it good again.
TEST_F(SnapshotFaults, ADomainLostBeforeItsPauseIsAnsweredIsNotPaused) {
  pauses_take(1s);
  test("one", {"east", "west"});
  test("two", {"east"});
  test("three", {"east", "west"});
  at(15500ms, core::event::DomainLost{domain("a.west"), Fault::host, "lost"});
  play();
  EXPECT_EQ(timeline({"a.west"}), lines(R"(
    0 reset and save a.west
    10 a.west was reset
    15 pause a.west
    15.5 a.west was lost, host: lost
    16 a.west was paused
    16 destroy a.west
    17 a.west was destroyed
    24 restore a.west
    25 a.west was reset
    30 destroy a.west
    31 a.west was destroyed
  )"));
}

TEST_F(SnapshotFaults, ADomainLostWhileItsLoadIsQueuedIsRestored) {
  plan.quick_slots = 1;
  test("one", {"east", "west"});
  test("two", {"east", "west"});
  reset("a.east", 2, {.takes = 4s});
  lose_at(17s, "a.west", Fault::host);
  play();
  EXPECT_EQ(timeline({"a.west", "load", "run ", "report"}), lines(R"(
    0 run submitted
    0 reset and save a.west
    10 a.west was reset
    10 run one#1 on a.
    15 pause a.west
    15 a.west was paused
    15 load a.east
    16 report one#1 passed
    17 a.west was lost, host: lost
    17 destroy a.west
    18 a.west was destroyed
    19 restore a.west
    20 a.west was reset
    20 run two#1 on a.
    25 destroy a.west
    26 report two#1 passed
    26 a.west was destroyed
  )"));
}

TEST_F(SnapshotFaults, ADomainLostWhileItLoadsIsBooted) {
  for (const char* name : {"one", "two"}) test(name, {"east"});
  reset("a.east", 2, {.takes = 4s});
  lose_at(17s, "a.east", Fault::host);
  play();
  EXPECT_EQ(timeline({"a.east", "run ", "report"}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 a.east was reset
    10 run one#1 on a.
    15 pause a.east
    15 a.east was paused
    15 load a.east
    16 report one#1 passed
    17 a.east was lost, host: lost
    17 a.east failed to reset, host: lost
    17 report failed reset of a.east, to be tried again
    17 destroy a.east
    18 a.east was destroyed
    18 reset and save a.east
    28 a.east was reset
    28 run two#1 on a.
    33 destroy a.east
    34 report two#1 passed
    34 a.east was destroyed
  )"));
}

// Ready and lost: what it held went with it.
TEST_F(SnapshotFaults, ADomainLostBeforeItsTestIsRestored) {
  test("one", {"east", "nic"});
  reset("a.nic", 1, {.takes = 60s});
  lose_at(30s, "a.east", Fault::guest);
  play();
  EXPECT_EQ(timeline({"a.east", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 a.east was reset
    30 a.east was lost, guest: lost
    30 destroy a.east
    31 a.east was destroyed
    31 restore a.east
    32 a.east was reset
    60 run one#1 on a.
    65 destroy a.east
    66 a.east was destroyed
  )"));
}

TEST_F(SnapshotFaults, WhatCannotBePausedIsDestroyedAndRestoredLater) {
  test("one", {"east", "west"});
  test("two", {"east"});
  test("three", {"west"});
  no_pause("a.west");
  play();
  EXPECT_EQ(timeline({"a.west", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.west
    10 a.west was reset
    10 run one#1 on a.
    15 pause a.west
    15 a.west could not be paused: it does not stop
    15 destroy a.west
    16 a.west was destroyed
    17 run two#1 on a.
    22 restore a.west
    23 a.west was reset
    23 run three#1 on a.
    28 destroy a.west
    29 a.west was destroyed
  )"));
}

// A host fault in a test rests the prefix, and its domains are not kept for that long.
TEST_F(SnapshotFaults, AfterAHostFaultDomainsAreRestored) {
  test("one", {"east", "west"});
  attempt("one", 1, {.takes = 3s, .host_fault = core::Host{"east"}});
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "load", "destroy ", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    0 reset and save a.west
    10 run one#1 on a.
    13 destroy a.east
    13 destroy a.west
    14 restore a.east
    14 restore a.west
    15 run one#2 on a.
    20 destroy a.east
    20 destroy a.west
  )"));
}

}  // namespace
}  // namespace kvmtest::scenarios
