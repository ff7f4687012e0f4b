// Tests that want more processors than there are: they stand still in turn, and one that was starved is tried again
// with more room.

#include <random>

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

using core::TestIndex;
using core::Verdict;

class Sharing : public Scenario {
 protected:
  /// Each has as much to do, on a machine with one processor, and domains that are there at once.
  void tests(unsigned count, TestFate fate) {
    std::vector<std::string> names;
    for (unsigned i = 0; i < count; ++i) {
      const std::string name = "t" + std::to_string(i);
      names.push_back("p" + std::to_string(i) + ".");
      test(name, {"east"});
      for (unsigned number = 1; number < 5; ++number) attempt(name, number, fate);
      every_reset(names.back() + "east", {});
    }
    prefixes(names);
    plan.slots = count;
    model.cores = 1;
  }
  [[nodiscard]] const std::vector<simulator::Judged>& verdicts(std::uint32_t test) {
    return outcome.verdicts[TestIndex{test}];
  }
};

TEST_F(Sharing, OneThatWasStarvedIsTriedAgainWithMoreRoomAndAtLastAlone) {
  tests(4, {.takes = 0s, .work = 4s});
  for (const unsigned number : {1U, 2U, 3U}) attempt("t0", number, {.takes = 0s, .work = 4s, .bears = 0.1});
  attempt("t1", 1, {.takes = 0s, .work = 200s});
  play();
  ASSERT_EQ(verdicts(0).size(), 3U);
  for (const unsigned i : {0U, 1U}) {
    const auto& report = verdicts(0)[i].report;
    EXPECT_EQ(report.verdict, Verdict::unresolved);
    EXPECT_EQ(report.issues.at(0).name, "STARVED");
    EXPECT_FALSE(report.final);
  }
  const auto& last = verdicts(0)[2].report;
  EXPECT_EQ(last.verdict, Verdict::passed);
  EXPECT_TRUE(last.final);
  EXPECT_FALSE(last.flaky) << "that is not the test's doing";
  // The second attempt waits until one other runs, the third until none does.
  EXPECT_EQ(verdicts(0)[0].report.issues[0].detail, "its hosts wanted a processor and had none for 12.0 s of 16.0 s");
  EXPECT_EQ(verdicts(0)[1].report.issues[0].detail, "its hosts wanted a processor and had none for 4.0 s of 8.0 s");
  EXPECT_EQ(verdicts(0)[2].report.use.at(0).starved, 0s);
}

TEST_F(Sharing, NothingBeginsBesideOneThatIsAlone) {
  tests(2, {.takes = 0s, .work = 4s, .bears = 0.1});
  test("later", {"east"});
  play();
  const auto starts = timeline({"run "});
  EXPECT_EQ(verdicts(0).back().report.verdict, Verdict::passed) << starts;
  EXPECT_EQ(verdicts(1).back().report.verdict, Verdict::passed) << starts;
  EXPECT_EQ(verdicts(2).back().report.verdict, Verdict::passed) << starts;
}

TEST_F(Sharing, OneThatFailedAndHadItsDueIsNotTriedAgain) {
  tests(1, {.takes = 1s, .work = 4s});
  judging("t0", 1, {.verdict = Verdict::failed});
  play();
  ASSERT_EQ(verdicts(0).size(), 1U);
  EXPECT_EQ(verdicts(0)[0].report.verdict, Verdict::failed);
  EXPECT_TRUE(verdicts(0)[0].report.final);
}

TEST_F(Sharing, OneThatEndsInTheVerySameWayWasNotStarvedToThat) {
  tests(4, {.takes = 0s, .work = 4s});
  attempt("t1", 1, {.takes = 0s, .work = 200s});
  // The second attempt runs beside t1.
  model.judge = [](TestIndex test, unsigned number) {
    JudgeFate fate{.takes = 1s};
    if (test == TestIndex{0} && number < 4)
      fate = {.takes = 1s, .verdict = Verdict::failed, .issues = {{"east", "output-different", "line 4"}}};
    return fate;
  };
  plan.policy.starved_retries = 2;
  play();
  ASSERT_EQ(verdicts(0).size(), 3U);
  EXPECT_EQ(verdicts(0)[0].report.issues.at(0).name, "STARVED");
  EXPECT_EQ(verdicts(0)[1].report.issues.at(0).name, "STARVED");
  EXPECT_EQ(verdicts(0)[2].report.verdict, Verdict::failed);
}

TEST_F(Sharing, AMomentsHungerIsNoExcuse) {
  tests(2, {.takes = 100ms, .work = 400ms});
  judging("t0", 1, {.verdict = Verdict::failed});
  play();
  ASSERT_EQ(verdicts(0).size(), 1U);
  EXPECT_EQ(verdicts(0)[0].report.verdict, Verdict::failed);
}

TEST_F(Sharing, OneThatIsStarvedByOthersEvenAloneIsUnresolved) {
  tests(2, {.takes = 0s, .work = 4s, .bears = 0.1});
  plan.policy.starved_retries = 0;
  play();
  ASSERT_EQ(verdicts(0).size(), 1U);
  EXPECT_EQ(verdicts(0)[0].report.verdict, Verdict::unresolved);
  EXPECT_EQ(verdicts(0)[0].report.issues.at(0).name, "STARVED");
  EXPECT_TRUE(verdicts(0)[0].report.final);
}

TEST_F(Sharing, GroupsStandStillInTurnAndNoneIsStarved) {
  tests(3, {.takes = 0s, .work = 4s});
  model.tick = 50ms;
  plan.sharing.freezing = true;
  play();
  for (const std::uint32_t i : {0U, 1U, 2U}) {
    ASSERT_EQ(verdicts(i).size(), 1U);
    const auto& report = verdicts(i)[0].report;
    // Only before the first measurement all three go on.
    EXPECT_LE(report.use.at(0).starved, 200ms);
    EXPECT_GE(report.frozen, 4s);
    EXPECT_EQ(report.verdict, Verdict::passed);
  }
  EXPECT_LE(outcome.makespan, 13s + 500ms) << "and the processor is never idle";
}

TEST_F(Sharing, AStopLetsThoseGoOnThatStandStill) {
  tests(3, {.takes = 0s, .work = 20s});
  model.tick = 50ms;
  plan.sharing.freezing = true;
  stop_at(5s);
  play();
  EXPECT_EQ(outcome.finished, core::record::Outcome::stopped);
}

TEST_F(Sharing, ThoseThatSleepDoNotStandStill) {
  tests(8, {.takes = 9s, .work = 1s, .turns = 3});
  model.tick = 50ms;
  plan.sharing.freezing = true;
  play();
  EXPECT_LE(outcome.makespan, 16s) << "eight at a time, nine tenths of which is sleep";
}

// Whatever a machine has to do, and however many tests run side by side: each verdict is that of an idle one.
TEST(SharingAtRandom, VerdictsAreThoseOfAnIdleMachine) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    std::mt19937_64 dice(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(dice() % n); };
    core::RunPlan plan;
    plan.slots = 1 + below(4);
    plan.quick_slots = 1 + below(4);
    plan.sharing.freezing = below(2) == 0;
    plan.policy.starved = 0.1;
    plan.policy.starved_least = 0s;
    for (unsigned i = 1 + below(9); i > 0; --i) plan.prefixes.emplace_back("p" + std::to_string(i) + ".");
    for (std::uint32_t i = 0; i < 12; ++i)
      plan.tests.push_back({TestIndex{i}, "t" + std::to_string(i), {core::Host{"east"}}, 0});
    simulator::Model model = simulator::Model::constant(3s, {}, 0s, 100ms);
    model.cores = 1 + below(3);
    model.tick = 50ms;
    // It times out, fails, or passes by itself; starved for a tenth of its time it does not pass either.
    std::vector<Verdict> idle;
    std::vector<TestFate> fates;
    for (int i = 0; i < 12; ++i) {
      idle.push_back(below(5) == 0 ? Verdict::failed : Verdict::passed);
      fates.push_back({.takes = std::chrono::milliseconds(below(3000)),
                       .work = std::chrono::milliseconds(1 + below(5000)),
                       .turns = 1 + below(4),
                       .bears = 0.1,
                       .exempt = below(4) == 0});
    }
    model.test = [&](TestIndex test, unsigned) { return fates[test.value]; };
    model.judge = [&](TestIndex test, unsigned) { return JudgeFate{.takes = 10ms, .verdict = idle[test.value]}; };
    simulator::Simulator simulator(model);
    simulator.at(0s, core::event::RunSubmitted{plan});
    const Outcome outcome = simulator.run();
    ASSERT_FALSE(outcome.exhausted) << seed;
    for (std::uint32_t i = 0; i < 12; ++i) {
      const auto& reports = outcome.verdicts.at(TestIndex{i});
      ASSERT_EQ(reports.back().report.verdict, idle[i]) << "seed " << seed << ", test " << i;
      ASSERT_TRUE(reports.back().report.final);
    }
  }
}

}  // namespace
}  // namespace kvmtest::scenarios
