// A run where nothing goes wrong: slots, groups, prefixes, the pool's queue, judging, a run that goes on.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class WayOfARun : public Scenario {};

TEST_F(WayOfARun, OneTest) {
  test("one", {"east"});
  play();
  EXPECT_EQ(timeline(), lines(R"(
    0 run submitted
    0 reset a.east
    10 a.east was reset
    10 run one#1 on a.
    15 one#1 ran
    15 judge one#1
    15 destroy a.east
    16 one#1 was judged
    16 report one#1 passed
    16 a.east was destroyed
    16 finish the run: completed
  )"));
  EXPECT_EQ(outcome.makespan, 16s);
}

// A slot is one domain, not one group, and the test starts when the last of its domains is ready.
TEST_F(WayOfARun, AGroupStartsWhenItsLastDomainIsReady) {
  test("one", {"east", "west"});
  reset("a.west", 1, {.takes = 12s});
  play();
  EXPECT_EQ(timeline({"reset", "run "}), lines(R"(
    0 run submitted
    0 reset a.east
    0 reset a.west
    10 a.east was reset
    12 a.west was reset
    12 run one#1 on a.
  )"));
}

TEST_F(WayOfARun, AGroupLongerThanTheSlotsIsResetInTurn) {
  plan.slots = 1;
  test("one", {"east", "west", "nic"});
  play();
  EXPECT_EQ(timeline({"reset", "run "}), lines(R"(
    0 run submitted
    0 reset a.east
    10 a.east was reset
    10 reset a.west
    20 a.west was reset
    20 reset a.nic
    30 a.nic was reset
    30 run one#1 on a.
  )"));
  EXPECT_EQ(outcome.slots_peak, 1U);
}

TEST_F(WayOfARun, NoMoreResetsThanSlots) {
  plan.slots = 3;
  prefixes({"a.", "b.", "c."});
  for (int i = 0; i < 9; ++i) test("t" + std::to_string(i), {"east", "west"});
  play();
  EXPECT_EQ(outcome.slots_peak, 3U);
  EXPECT_EQ(outcome.slots_busy, 9 * 2 * 10s);
}

// The domains of the test before are dirty; they are destroyed on the prefix's own thread, and only then ask for a
// slot.
TEST_F(WayOfARun, DirtyDomainsAreDestroyedOutsideTheSlot) {
  plan.slots = 1;
  test("one", {"east"});
  test("two", {"east"});
  play();
  EXPECT_EQ(timeline({"east", "run "}), lines(R"(
    0 run submitted
    0 reset a.east
    10 a.east was reset
    10 run one#1 on a.
    15 destroy a.east
    16 a.east was destroyed
    16 reset a.east
    26 a.east was reset
    26 run two#1 on a.
    31 destroy a.east
    32 a.east was destroyed
  )"));
}

TEST_F(WayOfARun, DomainsATestDoesNotNeedAreOffBeforeItRuns) {
  test("one", {"east", "west"});
  test("two", {"nic"});
  destruction("a.west", 1, {.takes = 20s});  // longer than nic's boot
  play();
  EXPECT_EQ(timeline({"a.", "run "}), lines(R"(
    0 run submitted
    0 reset a.east
    0 reset a.west
    10 a.east was reset
    10 a.west was reset
    10 run one#1 on a.
    15 destroy a.east
    15 destroy a.west
    15 reset a.nic
    16 a.east was destroyed
    25 a.nic was reset
    35 a.west was destroyed
    35 run two#1 on a.
    40 destroy a.nic
    41 a.nic was destroyed
  )"));
}

TEST_F(WayOfARun, TwoPrefixesInParallelOneTestEach) {
  prefixes({"a.", "b."});
  for (const char* name : {"one", "two", "three"}) test(name, {"east"});
  attempt("one", 1, {.takes = 30s});
  play();
  EXPECT_EQ(timeline({"run ", " ran", "finish"}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    10 run two#1 on b.
    15 two#1 ran
    26 run three#1 on b.
    31 three#1 ran
    40 one#1 ran
    41 finish the run: completed
  )"));
}

// Beyond the cores, resets share them: two at a time on one core take twice as long.
TEST_F(WayOfARun, ResetsSlowEachOtherDownBeyondTheCores) {
  model.cores = 1;
  test("one", {"east", "west"});
  reset("a.west", 1, {.takes = 20s});
  play();
  EXPECT_EQ(timeline({"was reset"}), lines(R"(
    20 a.east was reset
    30 a.west was reset
  )"));
}

TEST_F(WayOfARun, ThePoolIsFirstComeFirstServedAndTellsItsQueue) {
  plan.slots = 2;
  prefixes({"a.", "b."});
  test("one", {"east", "west"});
  test("two", {"nic", "east"});
  play();
  EXPECT_EQ(timeline({"queued", "reset "}), lines(R"(
    0 report a.east queued: 0 ahead, 1 pending, 1 submitted
    0 report a.west queued: 1 ahead, 2 pending, 2 submitted
    0 report b.nic queued: 2 ahead, 3 pending, 3 submitted
    0 report b.east queued: 3 ahead, 4 pending, 4 submitted
    0 reset a.east
    0 reset a.west
    10 reset b.nic
    10 reset b.east
  )"));
}

TEST_F(WayOfARun, TheCountOfSubmittedJobsStartsAgainWithARun) {
  test("one", {"east"});
  at(100s, core::event::RunSubmitted{plan});
  play();
  EXPECT_EQ(timeline({"queued"}), lines(R"(
    0 report a.east queued: 0 ahead, 1 pending, 1 submitted
    100 report a.east queued: 0 ahead, 1 pending, 1 submitted
  )"));
}

// Judging is off the prefix's time: the next test begins meanwhile, and judgements may come in another order.
TEST_F(WayOfARun, JudgingDoesNotHoldThePrefix) {
  for (const char* name : {"one", "two"}) test(name, {"east"});
  judging("one", 1, {.takes = 60s, .verdict = core::Verdict::failed});
  play();
  EXPECT_EQ(timeline({"judge", "run ", "report", "finish"}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    15 judge one#1
    26 run two#1 on a.
    31 judge two#1
    32 two#1 was judged
    32 report two#1 passed
    75 one#1 was judged
    75 report one#1 failed
    75 finish the run: completed
  )"));
}

TEST_F(WayOfARun, TheSplitSaysWhereTheTimeWent) {
  plan.slots = 1;
  prefixes({"a.", "b."});
  for (const char* name : {"one", "two", "three"}) test(name, {"east"});
  play();
  const auto split = [&](std::uint32_t index) { return outcome.verdicts.at(core::TestIndex{index})[0].report.split; };
  EXPECT_EQ(split(0).waiting, 0s);
  EXPECT_EQ(split(0).reset, 10s);
  EXPECT_EQ(split(0).test, 5s);
  EXPECT_EQ(split(0).judging, 1s);
  EXPECT_EQ(split(1).waiting, 10s);
  EXPECT_EQ(split(1).reset, 10s);
  // Taken at 15 s: 1 s to destroy what was there, 4 s until the slot is free, 10 s in it.
  EXPECT_EQ(split(2).waiting, 4s);
  EXPECT_EQ(split(2).reset, 11s);
}

TEST_F(WayOfARun, VerdictsAreTheJudges) {
  test("one", {"east"});
  judging("one", 1, {.verdict = core::Verdict::failed, .issues = {{"east", "output-different", "3 lines"}}});
  play();
  const auto& judged = outcome.verdicts.at(core::TestIndex{0});
  ASSERT_EQ(judged.size(), 1U);
  EXPECT_EQ(judged[0].report.verdict, core::Verdict::failed);
  EXPECT_EQ(judged[0].report.issues, (std::vector<core::Issue>{{"east", "output-different", "3 lines"}}));
  EXPECT_TRUE(judged[0].report.final);
}

TEST_F(WayOfARun, TestsAreTakenInTheOrderOfTheList) {
  prefixes({"a.", "b."});
  for (int i = 0; i < 5; ++i) test("t" + std::to_string(i), {"east"});
  play();
  EXPECT_EQ(timeline({"run "}), lines(R"(
    0 run submitted
    10 run t0#1 on a.
    10 run t1#1 on b.
    26 run t2#1 on a.
    26 run t3#1 on b.
    42 run t4#1 on a.
  )"));
}

// An interrupted run goes on: what was tried before counts, what was faulty before is forgotten.
TEST_F(WayOfARun, AttemptNumbersGoOnInAResumedRun) {
  test("one", {"east"}, 2);
  attempt("one", 3, {.takes = 5s, .host_fault = core::Host{"east"}});
  play();
  EXPECT_EQ(timeline({"run ", "report"}), lines(R"(
    0 run submitted
    10 run one#3 on a.
    15 report one#3 unresolved east:HOST-FAULT, to be tried again
    26 run one#4 on a.
    32 report one#4 passed
  )"));
}

TEST_F(WayOfARun, TheEmptyPrefixIsAPrefix) {
  prefixes({"", "a."});
  for (const char* name : {"one", "two"}) test(name, {"east"});
  play();
  EXPECT_EQ(timeline({"reset ", "run "}), lines(R"(
    0 run submitted
    0 reset east
    0 reset a.east
    10 run one#1 on ''
    10 run two#1 on a.
  )"));
}

TEST_F(WayOfARun, AnEmptyListIsFinishedAtOnce) {
  play();
  EXPECT_EQ(timeline(), lines(R"(
    0 run submitted
    0 finish the run: completed
  )"));
}

TEST_F(WayOfARun, ATestWithoutDomainsJustRuns) {
  test("one", {});
  play();
  EXPECT_EQ(timeline({"run ", "finish"}), lines(R"(
    0 run submitted
    0 run one#1 on a.
    6 finish the run: completed
  )"));
}

TEST_F(WayOfARun, APrefixWithNothingToDoHoldsNoDomains) {
  prefixes({"a.", "b."});
  for (const char* name : {"one", "two"}) test(name, {"east"});
  attempt("one", 1, {.takes = 100s});
  play();
  EXPECT_EQ(timeline({"b.east"}), lines(R"(
    0 reset b.east
    10 b.east was reset
    15 destroy b.east
    16 b.east was destroyed
  )"));
}

TEST_F(WayOfARun, ASecondRunFollowsTheFirst) {
  test("one", {"east"});
  at(17s, core::event::RunSubmitted{plan});
  play();
  EXPECT_EQ(timeline({"run "}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    17 run submitted
    27 run one#1 on a.
  )"));
}

TEST_F(WayOfARun, ASubmissionDuringARunChangesNothing) {
  test("one", {"east"});
  at(12s, core::event::RunSubmitted{plan});
  play();
  EXPECT_EQ(timeline({"run "}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    12 run submitted
  )"));
}

}  // namespace
}  // namespace kvmtest::scenarios
