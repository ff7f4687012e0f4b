// What does not go as it should when domains are saved, taken back or paused. Whatever it is: a boot follows, and no
// test pays for it.

#include "snapshot_faults.h"

namespace kvmtest::scenarios {
namespace {

TEST_F(SnapshotFaults, AFailedLoadIsFollowedByABootAndCostsTheTestNothing) {
  for (const char* name : {"one", "two", "three"}) test(name, {"east"});
  plan.policy.quarantine_after = 1;
  plan.policy.boot_tries = 1;
  reset("a.east", 2, fails());
  play();
  EXPECT_EQ(timeline({"a.east", "run ", "report"}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 a.east was reset
    10 run one#1 on a.
    15 pause a.east
    15 a.east was paused
    15 load a.east
    16 a.east failed to reset, host: not clean
    16 report failed reset of a.east, to be tried again
    16 destroy a.east
    16 report one#1 passed
    17 a.east was destroyed
    17 reset and save a.east
    27 a.east was reset
    27 run two#1 on a.
    32 pause a.east
    32 a.east was paused
    32 load a.east
    33 a.east was reset
    33 run three#1 on a.
    33 report two#1 passed
    38 destroy a.east
    39 report three#1 passed
    39 a.east was destroyed
  )"));
}

// It may be the guest's, too: nobody is to blame before the boot.
TEST_F(SnapshotFaults, AGuestThatFailsToComeBackIsNotAFailedBoot) {
  for (const char* name : {"one", "two"}) test(name, {"east"});
  plan.policy.boot_tries = 1;
  reset("a.east", 2, {.takes = 1s, .fault = Fault::guest, .reason = "no answer"});
  play();
  EXPECT_EQ(timeline({"failed", "run ", "report"}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    16 a.east failed to reset, guest: no answer
    16 report failed reset of a.east, to be tried again
    16 report one#1 passed
    27 run two#1 on a.
    33 report two#1 passed
  )"));
}

// The boot that follows may fail by itself, and that counts.
TEST_F(SnapshotFaults, TheBootAfterAFailedLoadCounts) {
  for (const char* name : {"one", "two"}) test(name, {"east"});
  reset("a.east", 2, fails());
  reset("a.east", 3, {.takes = 2s, .fault = Fault::host, .reason = "no memory"});
  play();
  EXPECT_EQ(timeline({"failed", "reset and save ", "restore", "run ", "report"}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 run one#1 on a.
    16 a.east failed to reset, host: not clean
    16 report failed reset of a.east, to be tried again
    16 report one#1 passed
    17 reset and save a.east
    19 a.east failed to reset, host: no memory
    19 report failed reset of a.east
    19 report two#1 unresolved east:HOST-FAULT, to be tried again
    20 reset and save a.east
    30 run two#2 on a.
    36 report two#2 passed
  )"));
}

// The others wait for the domain that boots, as they did the first time.
TEST_F(SnapshotFaults, AStateThatIsLostIsSavedAgainByOneForAll) {
  prefixes({"a.", "b."});
  test("one", {"east"});
  test("other", {"nic"});
  test("two", {"east"});
  kept("E");
  reset("a.east", 1, loses_the_state());
  reset("a.east", 2, {.takes = 20s});
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "load", "run ", "to be tried"}), lines(R"(
    0 run submitted
    0 restore a.east
    0 reset b.nic
    1 report failed reset of a.east, to be tried again
    2 reset and save a.east
    10 run other#1 on b.
    22 run one#1 on a.
    22 restore b.east
    23 run two#1 on b.
  )"));
}

TEST_F(SnapshotFaults, AStateThatIsLostAndCannotBeSavedIsBootedByEach) {
  prefixes({"a.", "b."});
  test("one", {"east"});
  test("other", {"nic"});
  test("two", {"east"});
  kept("E");
  reset("a.east", 1, loses_the_state());
  reset("a.east", 2, {.takes = 20s, .saves = false});
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "load", "run ", "to be tried"}), lines(R"(
    0 run submitted
    0 restore a.east
    0 reset b.nic
    1 report failed reset of a.east, to be tried again
    2 reset and save a.east
    10 run other#1 on b.
    22 run one#1 on a.
    22 reset and save b.east
    32 run two#1 on b.
  )"));
}

TEST_F(SnapshotFaults, AStateThatIsNotLostServesTheOthers) {
  prefixes({"a.", "b."});
  test("one", {"east"});
  test("other", {"nic"});
  test("two", {"east"});
  kept("E");
  reset("a.east", 1, fails());
  reset("a.east", 2, {.takes = 20s});
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "load", "run ", "to be tried"}), lines(R"(
    0 run submitted
    0 restore a.east
    0 reset b.nic
    1 report failed reset of a.east, to be tried again
    2 reset and save a.east
    10 run other#1 on b.
    16 restore b.east
    17 run two#1 on b.
    22 run one#1 on a.
  )"));
}

TEST_F(SnapshotFaults, AfterSoManyFailuresADomainIsOnlyBootedAndItIsSaidOnce) {
  for (const char* name : {"one", "two", "three", "four", "five"}) test(name, {"east"});
  plan.policy.snapshot_failures = 2;
  for (const unsigned nth : {2U, 4U}) reset("a.east", nth, fails());
  play();
  EXPECT_EQ(timeline({"reset ", "load", "run ", "to be tried", "only booted"}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 run one#1 on a.
    15 load a.east
    16 report failed reset of a.east, to be tried again
    17 reset and save a.east
    27 run two#1 on a.
    32 load a.east
    33 report failed reset of a.east, to be tried again
    33 report a.east only booted from now on: not clean
    34 reset a.east
    44 run three#1 on a.
    50 reset a.east
    60 run four#1 on a.
    66 reset a.east
    76 run five#1 on a.
  )"));
}

// One domain's failures are not another's, and the next run begins anew.
TEST_F(SnapshotFaults, FailuresAreCountedPerDomainAndRun) {
  prefixes({"a.", "b."});
  for (const char* name : {"one", "two", "three", "four"}) test(name, {"east"});
  plan.policy.snapshot_failures = 1;
  reset("a.east", 2, fails());
  kept("E");
  at(100s, core::event::RunSubmitted{plan});
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "load", "run ", "only booted"}), lines(R"(
    0 run submitted
    0 restore a.east
    0 restore b.east
    1 run one#1 on a.
    1 run two#1 on b.
    6 load a.east
    6 load b.east
    7 report failed reset of a.east, to be tried again
    7 report a.east only booted from now on: not clean
    7 run four#1 on b.
    8 reset a.east
    18 run three#1 on a.
    100 run submitted
    100 restore a.east
    100 restore b.east
    101 run one#1 on a.
    101 run two#1 on b.
    106 load a.east
    106 load b.east
    107 run three#1 on a.
    107 run four#1 on b.
  )"));
}

TEST_F(SnapshotFaults, ASaveThatFailsMakesNobodyWaitASecondTime) {
  prefixes({"a.", "b.", "c."});
  plan.slots = 3;
  for (const char* name : {"one", "two", "three"}) test(name, {"east"});
  reset("a.east", 1, {.takes = 10s, .saves = false});
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "load", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 run one#1 on a.
    10 reset and save b.east
    10 reset and save c.east
    20 run two#1 on b.
    20 run three#1 on c.
  )"));
}

// What was not saved cannot be gone back to.
TEST_F(SnapshotFaults, ADomainWhoseSaveFailedIsBootedAgainAndSavedThen) {
  for (const char* name : {"one", "two", "three"}) test(name, {"east"});
  reset("a.east", 1, {.takes = 10s, .saves = false});
  play();
  EXPECT_EQ(timeline({"reset ", "load", "destroy ", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 run one#1 on a.
    15 destroy a.east
    16 reset and save a.east
    26 run two#1 on a.
    31 load a.east
    32 run three#1 on a.
    37 destroy a.east
  )"));
}

TEST_F(SnapshotFaults, SavesThatNeverWorkAreGivenUp) {
  for (const char* name : {"one", "two", "three"}) test(name, {"east"});
  plan.policy.snapshot_failures = 2;
  for (const unsigned nth : {1U, 2U}) reset("a.east", nth, {.takes = 10s, .saves = false});
  play();
  EXPECT_EQ(timeline({"reset ", "only booted", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    10 run one#1 on a.
    16 reset and save a.east
    26 report a.east only booted from now on: no room
    26 run two#1 on a.
    32 reset a.east
    42 run three#1 on a.
  )"));
}

// Whoever waits for a state does so only while somebody is about to save it.
TEST_F(SnapshotFaults, ASaverThatFailsIsFollowedByAnother) {
  prefixes({"a.", "b."});
  for (const char* name : {"one", "two"}) test(name, {"east"});
  plan.policy.cool_down = 60s;
  reset("a.east", 1, {.takes = 4s, .fault = Fault::host});
  play();
  EXPECT_EQ(timeline({"reset ", "restore", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    4 report failed reset of a.east
    4 reset and save b.east
    14 run two#1 on b.
    20 run one#2 on b.
  )"));
}

TEST_F(SnapshotFaults, ASaverThatIsCancelledIsFollowedByAnother) {
  prefixes({"a.", "b."});
  plan.slots = 4;
  test("one", {"east", "nic"});
  test("two", {"east"});
  plan.policy.cool_down = 60s;
  reset("a.nic", 1, {.takes = 2s, .fault = Fault::host});
  reset("a.east", 1, {.takes = 10s, .ignores_cancel = true});
  play();
  EXPECT_EQ(timeline({"reset ", "cancel", "restore", "run "}), lines(R"(
    0 run submitted
    0 reset and save a.east
    0 reset a.nic
    2 report failed reset of a.nic
    2 cancel the reset of a.east
    2 reset and save b.east
    12 run two#1 on b.
    17 reset b.nic
    27 run one#2 on b.
  )"));
}

// The same for one that had not begun.
TEST_F(SnapshotFaults, ASaverThatIsWithdrawnIsFollowedByAnother) {
  prefixes({"a.", "b."});
  plan.slots = 1;
  test("one", {"nic", "east"});
  test("two", {"east"});
  plan.policy.cool_down = 60s;
  reset("a.nic", 1, {.takes = 2s, .fault = Fault::host});
  play();
  EXPECT_EQ(timeline({"reset ", "cancel", "restore", "run "}), lines(R"(
    0 run submitted
    0 reset a.nic
    2 report failed reset of a.nic
    2 reset and save b.east
    12 run two#1 on b.
    17 reset b.nic
    27 run one#2 on b.
  )"));
}

// ---- a client's ----

TEST_F(SnapshotFaults, AClientsFailedLoadIsFollowedByABoot) {
  request(0s, 1, "a.east");
  request(100s, 2, "a.east", true);
  reset("a.east", 2, fails());
  play(false);
  EXPECT_EQ(timeline({"reset ", "load", "destroy ", "answer", "report"}), lines(R"(
    0 reset and save a.east
    10 answer request 1: done
    100 load a.east
    101 report failed reset of a.east, to be tried again
    101 destroy a.east
    102 reset and save a.east
    112 answer request 2: done
  )"));
}

}  // namespace
}  // namespace kvmtest::scenarios
