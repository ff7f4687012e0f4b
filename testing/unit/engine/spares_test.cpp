// Domains whose spares are made ready while they run tests, on the engine's threads. Run under the thread sanitizer by
// `make tsan`.

#include <algorithm>
#include <fstream>
#include <iterator>

#include "fixture.h"

namespace kvmtest::engine {
namespace {

using Methods = std::vector<std::string>;

class SparesTest : public EngineTest {
 protected:
  /// In the run, every domain has a state, and so many may have a spare.
  RunOrder with_spares(std::vector<suite::LoadedTest> tests, unsigned spares = 9,
                       std::vector<core::Prefix> prefixes = {a}) {
    RunOrder run = order(std::move(tests), std::move(prefixes));
    run.plan.quick_slots = 4;
    run.plan.spares = spares;
    for (const core::Prefix& prefix : run.plan.prefixes)
      for (const core::PlannedTest& test : run.plan.tests)
        for (const core::Host& host : test.hosts)
          run.plan.states.of[{prefix, host}] = snapshots_.state_of({prefix, host});
    return run;
  }
  /// A test that ends when the test of the engine says so, finish().
  static suite::LoadedTest held(const std::string& name, const std::string& host = "east") {
    return script(name, {{host, "x=dirt"}, {host, "hang"}});
  }
  void wait_for_start(const std::string& test) {
    memory_.wait_for<record::TestStarted>([&](const auto& started) { return started.test == test; });
  }
  void finish(const core::Domain& domain = east) { hypervisor_.interrupt(domain); }

  Methods methods(const core::Domain& domain) {
    Methods out;
    for (const auto& reset : memory_.all<record::ResetFinished>())
      if (reset.domain == domain) out.push_back(reset.method);
    return out;
  }
  [[nodiscard]] std::string console_of(const std::string& test, const std::string& host) const {
    std::ifstream in(directory_ / test / "1" / (host + ".console.raw"));
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  /// How often the domain's spare was told not to come about.
  std::vector<std::string> given_up() {
    std::vector<std::string> out;
    for (const auto& notice : memory_.all<record::Notice>())
      if (notice.text.find("spare") != std::string::npos) out.push_back(notice.text);
    return out;
  }
};

TEST_F(SparesTest, TheNextTestGetsTheSpareAndFindsNoTrace) {
  engine_.start_run(with_spares({held("one"), script("two", {{"east", "echo \"<$x>\""}})}));
  snapshots_.wait_for_spare(east, {.started = 1, .halted = 1});
  finish();
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(methods(east), (Methods{"boot", "swap"}));
  EXPECT_NE(console_of("two", "east").find(":0# <>\n"), std::string::npos) << console_of("two", "east");
  const auto swapped = memory_.all<record::ResetFinished>().back();
  EXPECT_EQ(swapped.attempt, core::AttemptId{2});
  EXPECT_GT(swapped.verify.count(), 0);
  EXPECT_TRUE(memory_.all<record::ResetFailed>().empty());
  EXPECT_TRUE(hypervisor_.running().empty());
}

TEST_F(SparesTest, WhatWasSwappedOutGoesBackInPlaceAndIsTheNextSpare) {
  engine_.start_run(
      with_spares({held("one"), held("two"), held("three"), script("four", {{"east", "echo \"<$x>\""}})}));
  snapshots_.wait_for_spare(east, {.started = 1, .halted = 1});
  finish();
  wait_for_start("two");
  snapshots_.wait_for_spare(east, {.in_place = 1, .halted = 2});
  finish();
  wait_for_start("three");
  const auto taken = snapshots_.wait_for_spare(east, {.in_place = 2, .halted = 3});
  finish();
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 4U);
  EXPECT_EQ(methods(east), (Methods{"boot", "swap", "swap", "swap"}));
  EXPECT_EQ(taken.started, 1U);
  EXPECT_NE(console_of("four", "east").find(":0# <>\n"), std::string::npos) << console_of("four", "east");
}

// What was typed and not read by its old guest would be read by the clean one.
TEST_F(SparesTest, WhatWasNotAtItsPromptIsStartedAnewAsASpare) {
  engine_.start_run(
      with_spares({script("ends", {{"east", "hang"}}), held("next"), script("last", {{"east", "true"}})}));
  snapshots_.wait_for_spare(east, {.started = 1, .halted = 1});
  hypervisor_.with_hanging(east, [](console::FakeGuest& guest) { guest.close(); });
  wait_for_start("next");
  EXPECT_EQ(snapshots_.wait_for_spare(east, {.started = 2, .halted = 2}).in_place, 0U);
  finish();
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(methods(east), (Methods{"boot", "swap", "swap"}));
}

TEST_F(SparesTest, ASpareThatWillBeReadyInAMomentIsWaitedFor) {
  engine_.start_run(with_spares({held("one"), held("two"), script("three", {{"east", "true"}})}));
  snapshots_.wait_for_spare(east, {.started = 1, .halted = 1});
  snapshots_.plan(east, {.spares_that_hang = 1});
  finish();
  wait_for_start("two");
  snapshots_.wait_for_spare(east, {.in_place = 1});
  finish();
  snapshots_.wait_for_spare(east, {.hurried = 1});
  EXPECT_EQ(methods(east).size(), 2U) << "no reset has begun, so no slot is taken";
  engine_.stop_run("somebody");
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().outcome, record::Outcome::stopped) << "and does not hold it up";
  EXPECT_TRUE(hypervisor_.running().empty());
}

// As many as there are threads that make spares ready: none of these is free to be told.
TEST_F(SparesTest, SparesAreHurriedWhileAllOfThemAreBeingMadeReady) {
  // They would have to be started anew themselves, so they wait for their spares in any case.
  snapshots_.plan(east, {.restores_that_are_better = 9, .spares_that_hang = 1});
  snapshots_.plan(west, {.restores_that_are_better = 9, .spares_that_hang = 1});
  engine_.start_run(with_spares(
      {script("one", {{"east", "true"}, {"west", "hang"}}), script("two", {{"east", "true"}, {"west", "true"}})}));
  snapshots_.wait_for_spare(east, {.started = 1});
  snapshots_.wait_for_spare(west, {.started = 1});
  finish(west);
  EXPECT_EQ(snapshots_.wait_for_spare(east, {.hurried = 1}).hurried, 1U);
  engine_.stop_run("somebody");
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().outcome, record::Outcome::stopped);
}

TEST_F(SparesTest, BehindTheLastTestThereIsNoSpare) {
  engine_.start_run(with_spares({held("one"), held("two")}));
  snapshots_.wait_for_spare(east, {.started = 1, .halted = 1});
  finish();
  wait_for_start("two");
  EXPECT_EQ(snapshots_.wait_for_spare(east, {}).in_place, 0U);
  finish();
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(snapshots_.wait_for_spare(east, {}).started, 1U);
}

TEST_F(SparesTest, NoneIsBegunWhileADomainIsBeingStarted) {
  const core::Domain b_east{b, east.host};
  snapshots_.plan(b_east, {.restores_that_hang = 1});
  engine_.start_run(
      with_spares({held("one"), held("beside"), held("two"), script("three", {{"east", "true"}})}, 9, {a, b}));
  memory_.wait_for<record::ResetStarted>([&](const auto& started) { return started.domain == b_east; });
  finish();
  wait_for_start("two");
  EXPECT_EQ(methods(east), (Methods{"boot", "load"}));
  EXPECT_EQ(snapshots_.wait_for_spare(east, {}).started, 0U);
  hypervisor_.wait_until_up(b_east);
  hypervisor_.with(b_east, [](console::FakeGuest& guest) { guest.close(); });
  snapshots_.wait_for_spare(east, {.started = 1, .halted = 1});
  finish();
  wait_for_start("three");
  EXPECT_EQ(methods(east), (Methods{"boot", "load", "swap"}));
  wait_for_start("beside");
  finish(b_east);
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 4U);
}

TEST_F(SparesTest, OnlySoManyDomainsHaveOne) {
  engine_.start_run(with_spares({script("one", {{"east", "true"}, {"west", "true"}, {"east", "hang"}}),
                                 script("two", {{"east", "true"}, {"west", "true"}})},
                                1));
  wait_for_start("one");
  snapshots_.wait_for_spare(east, {.started = 1, .halted = 1});
  EXPECT_EQ(hypervisor_.running(), (std::set<std::string>{"a.east", "a.east's spare", "a.west"}));
  finish();
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(methods(east), (Methods{"boot", "swap"}));
  EXPECT_EQ(methods(west), (Methods{"boot", "load"}));
}

TEST_F(SparesTest, WithoutRoomThereIsNone) {
  engine_.start_run(with_spares({script("one", {{"east", "true"}}), script("two", {{"east", "true"}})}, 0));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(methods(east), (Methods{"boot", "load"}));
  EXPECT_EQ(snapshots_.wait_for_spare(east, {}).started, 0U);
}

// ---- what goes wrong ----

TEST_F(SparesTest, OneThatCannotBeMadeReadyCostsNobodyAnything) {
  snapshots_.plan(east, {.spares_that_fail = 9});
  std::vector<suite::LoadedTest> tests;
  for (const char* name : {"one", "two", "three", "four"}) tests.push_back(held(name));
  engine_.start_run(with_spares(std::move(tests)));
  for (const char* name : {"one", "two", "three", "four"}) {
    wait_for_start(name);
    finish();
  }
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 4U);
  EXPECT_EQ(methods(east), (Methods{"boot", "load", "load", "load"}));
  EXPECT_TRUE(memory_.all<record::ResetFailed>().empty());
  EXPECT_LE(given_up().size(), 1U);
}

TEST_F(SparesTest, AfterTwoFailuresItIsSaidAndLeftAlone) {
  snapshots_.plan(east, {.spares_that_fail = 2});
  engine_.start_run(with_spares({held("one"), held("two"), held("three"), script("four", {{"east", "true"}})}));
  wait_for_start("one");
  // A reset that comes before it has begun takes the work away.
  snapshots_.wait_for_spare(east, {.failed = 1});
  finish();
  wait_for_start("two");
  memory_.wait_for<record::Notice>([](const auto& notice) {
    return notice.text == "a.east: no spare is made ready any more: a.east's spare: no memory";
  });
  finish();
  wait_for_start("three");
  finish();
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 4U);
  EXPECT_EQ(snapshots_.wait_for_spare(east, {}).started, 0U);
}

TEST_F(SparesTest, OneThatIsNotWhatItShouldBeIsNeverUsed) {
  snapshots_.plan(east, {.spares_that_spoil = 1});
  engine_.start_run(with_spares({held("one"), script("two", {{"east", "echo \"<$x>\""}})}));
  snapshots_.wait_for_spare(east, {.started = 1, .halted = 1});
  finish();
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(methods(east), (Methods{"boot", "restore"})) << "both are gone, and it is started anew";
  EXPECT_EQ(memory_.all<record::ResetFailed>().back().method, "swap");
  EXPECT_NE(console_of("two", "east").find(":0# <>\n"), std::string::npos);
}

TEST_F(SparesTest, OneThatCannotBeSwappedInLeavesTheUsualWay) {
  snapshots_.plan(east, {.swaps_that_fail = 1});
  engine_.start_run(with_spares({held("one"), script("two", {{"east", "echo \"<$x>\""}})}));
  snapshots_.wait_for_spare(east, {.started = 1, .halted = 1});
  finish();
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(methods(east), (Methods{"boot", "restore"})) << "whatever is there now, it is not known";
  EXPECT_NE(console_of("two", "east").find(":0# <>\n"), std::string::npos);
}

// A domain that is gone is destroyed, and its spare with it.
TEST_F(SparesTest, ADomainThatIsLostUnderATestIsStartedAnew) {
  engine_.start_run(with_spares({held("one"), script("two", {{"east", "echo \"<$x>\""}})}));
  snapshots_.wait_for_spare(east, {.started = 1, .halted = 1});
  hypervisor_.kill(east);
  memory_.wait_for<record::TestStarted>([](const auto& started) { return started.number == 2; });
  finish();
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(methods(east)[1], "restore");
  EXPECT_TRUE(hypervisor_.running().empty());
}

TEST_F(SparesTest, StoppingEndsASpareThatSaysNothing) {
  snapshots_.plan(east, {.spares_that_hang = 1});
  engine_.start_run(with_spares({held("one"), script("two", {{"east", "true"}})}));
  snapshots_.wait_for_spare(east, {.started = 1});
  engine_.stop_run("somebody");
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().outcome, record::Outcome::stopped);
  EXPECT_TRUE(hypervisor_.running().empty());
}

// ---- all at once ----

TEST_F(SparesTest, ManyTestsOnTwoPrefixesWithFaultsInBetween) {
  const core::Domain b_east{b, east.host};
  const core::Domain b_west{b, west.host};
  snapshots_.plan(east, {.loads_that_fail = 1, .spares_that_fail = 1, .swaps_that_fail = 1});
  snapshots_.plan(west, {.spares_that_spoil = 2});
  snapshots_.plan(b_east, {.restores_that_fail = 1, .pauses_that_fail = 2, .swaps_that_fail = 1});
  snapshots_.plan(b_west, {.loads_that_fail = 1, .spares_that_fail = 2});
  std::vector<suite::LoadedTest> tests;
  Verdicts expected;
  for (int i = 10; i < 50; ++i) {
    const std::string name = "t" + std::to_string(i);
    const std::string line = "echo \"<$x>\"; x=dirt";
    if (i % 4 == 0)
      tests.push_back(script(name, {{"east", line}}));
    else if (i % 4 == 1)
      tests.push_back(script(name, {{"west", line}}));
    else
      tests.push_back(script(name, {{"east", line}, {"west", line}}));
    expected.emplace_back(name, core::Verdict::passed);
  }
  engine_.start_run(with_spares(std::move(tests), 3, {a, b}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 40U);
  EXPECT_EQ(verdicts(), expected);
  for (const auto& [test, verdict] : expected)
    for (const char* host : {"east", "west"})
      EXPECT_EQ(console_of(test, host).find("dirt"), std::string::npos) << test << ' ' << host;
  EXPECT_TRUE(hypervisor_.running().empty());
}

}  // namespace
}  // namespace kvmtest::engine
