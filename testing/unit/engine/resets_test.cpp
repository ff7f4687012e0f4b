// Domains that go back to saved states, on the engine's threads. Run under the thread sanitizer by `make tsan`.

#include <algorithm>
#include <fstream>
#include <iterator>

#include "fixture.h"

namespace kvmtest::engine {
namespace {

const core::Domain nic{a, core::Host{"nic"}};

class ResetsTest : public EngineTest {
 protected:
  /// In the run, every domain has a state. `kept`: those that are kept from the start.
  RunOrder with_states(std::vector<suite::LoadedTest> tests, std::vector<core::Prefix> prefixes = {a},
                       const std::set<std::string>& kept = {}) {
    RunOrder run = order(std::move(tests), std::move(prefixes));
    run.plan.quick_slots = 4;
    for (const core::Prefix& prefix : run.plan.prefixes)
      for (const core::PlannedTest& test : run.plan.tests)
        for (const core::Host& host : test.hosts)
          run.plan.states.of[{prefix, host}] = snapshots_.state_of({prefix, host});
    for (const std::string& state : kept) run.plan.states.kept.emplace(state);
    return run;
  }

  /// The methods of the domain's resets that succeeded, in order.
  std::vector<std::string> methods(const core::Domain& domain) {
    std::vector<std::string> out;
    for (const auto& reset : memory_.all<record::ResetFinished>())
      if (reset.domain == domain) out.push_back(reset.method);
    return out;
  }
  record::ResetStarted wait_for_method(const std::string& method) {
    return memory_.wait_for<record::ResetStarted>([&](const auto& started) { return started.method == method; });
  }

  [[nodiscard]] std::string console_of(const std::string& test, const std::string& host) const {
    std::ifstream in(directory_ / test / "1" / (host + ".console.raw"));
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  static core::States state_of(const core::Domain& domain) {
    return {.of = {{domain, core::SavedStateId{domain.host.value}}}, .kept = {}};
  }
};

using Methods = std::vector<std::string>;

TEST_F(ResetsTest, TheSecondTestLoadsAndFindsNoTraceOfTheFirst) {
  engine_.start_run(with_states({script("one", {{"east", "x=dirt"}}), script("two", {{"east", "echo \"<$x>\""}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(methods(east), (Methods{"boot", "load"}));
  EXPECT_NE(console_of("two", "east").find(":0# <>\n"), std::string::npos) << console_of("two", "east");
  const auto resets = memory_.all<record::ResetFinished>();
  EXPECT_EQ(resets[0].attempt, core::AttemptId{1});
  EXPECT_GT(resets[0].boot.count(), 0);
  EXPECT_GT(resets[0].save.count(), 0);
  EXPECT_EQ(resets[0].note, "");
  EXPECT_EQ(resets[1].attempt, core::AttemptId{2});
  EXPECT_EQ(resets[1].boot.count(), 0);
  EXPECT_GT(resets[1].verify.count(), 0);
  EXPECT_TRUE(memory_.all<record::ResetFailed>().empty());
}

TEST_F(ResetsTest, ADomainThatIsBetterStartedAnewIsRestored) {
  snapshots_.plan(east, {.restores_that_are_better = 1});
  engine_.start_run(with_states({script("one", {{"east", "x=dirt"}}), script("two", {{"east", "echo \"<$x>\""}}),
                                 script("three", {{"east", ":"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 3U);
  EXPECT_EQ(methods(east), (Methods{"boot", "restore", "load"}));
  EXPECT_NE(console_of("two", "east").find(":0# <>\n"), std::string::npos) << console_of("two", "east");
}

TEST_F(ResetsTest, AnotherPrefixAndAnotherRunRestore) {
  engine_.start_run(with_states({script("one", {{"east", "x=1"}})}));
  memory_.wait_for<record::RunFinished>();
  ASSERT_TRUE(engine_.wait_for_no_run(60s));
  engine_.start_run(with_states({script("two", {{"east", "echo \"<$x>\""}})}, {b}, {"east"}));
  memory_.wait_for<record::TestStarted>([](const auto& started) { return started.test == "two"; });
  ASSERT_TRUE(engine_.wait_for_no_run(60s));
  EXPECT_EQ(methods({b, core::Host{"east"}}), Methods{"restore"});
  EXPECT_EQ(verdicts(), (Verdicts{{"one", core::Verdict::passed}, {"two", core::Verdict::passed}}));
}

TEST_F(ResetsTest, AHostThatIsNotNeededIsPausedAndLoaded) {
  engine_.start_run(with_states({script("one", {{"east", "true"}, {"west", "x=dirt"}}),
                                 script("two", {{"east", "true"}}), script("three", {{"west", "echo \"<$x>\""}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 3U);
  EXPECT_EQ(methods(west), (Methods{"boot", "load"}));
  EXPECT_NE(console_of("three", "west").find(":0# <>\n"), std::string::npos);
}

// Its shell never read what was typed into it. Only a domain started anew has nothing in its ear.
TEST_F(ResetsTest, ADomainThatIsNotAtItsPromptIsStartedAnewInTheSameState) {
  auto hanging = script("hangs", {{"east", "hang"}});
  hanging.test.command_limit = 10ms;
  engine_.start_run(with_states({hanging, script("next", {{"east", "true"}})}));
  memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(verdicts(), (Verdicts{{"hangs", core::Verdict::failed}, {"next", core::Verdict::passed}}));
  EXPECT_EQ(methods(east), (Methods{"boot", "restore"})) << "what was done is told, not what was asked for";
  EXPECT_TRUE(memory_.all<record::ResetFailed>().empty());
}

TEST_F(ResetsTest, ALoadThatFailsIsFollowedByABoot) {
  snapshots_.plan(east, {.loads_that_fail = 1});
  engine_.start_run(with_states({script("one", {{"east", "true"}}), script("two", {{"east", "true"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(methods(east), (Methods{"boot", "boot"}));
  EXPECT_EQ(verdicts().size(), 2U) << "no attempt paid for it";
  const auto failed = memory_.all<record::ResetFailed>();
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].method, "load");
  EXPECT_EQ(failed[0].attempt, core::AttemptId{2});
  EXPECT_EQ(failed[0].reason, "load a.east: I/O error");
  EXPECT_TRUE(failed[0].host_fault);
  EXPECT_TRUE(failed[0].again);
}

TEST_F(ResetsTest, AGuestThatIsNotRenewedIsNotCleanAndBooted) {
  engine_.start_run(with_states({script("one", {{"east", "hang"}}), script("two", {{"east", "true"}})}));
  memory_.wait_for<record::TestStarted>();
  hypervisor_.with(east, [](console::FakeGuest& guest) { guest.faults.renewal = 2; });
  hypervisor_.interrupt(east);
  memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(methods(east), (Methods{"boot", "boot"}));
  EXPECT_EQ(memory_.wait_for<record::ResetFailed>().reason, "its clock could not be set");
}

TEST_F(ResetsTest, ARestoreThatFailsIsFollowedByABoot) {
  snapshots_.plan(east, {.restores_that_fail = 1});
  engine_.start_run(with_states({script("one", {{"east", "true"}})}, {a}, {"east"}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 1U);
  const auto failed = memory_.all<record::ResetFailed>();
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].method, "restore");
  EXPECT_EQ(failed[0].reason, "restore a.east: checksum");
  EXPECT_EQ(methods(east), Methods{"boot"});
}

TEST_F(ResetsTest, AfterSoManyFailuresItIsSaidThatADomainIsOnlyBooted) {
  snapshots_.plan(east, {.loads_that_fail = 9});
  RunOrder run = with_states(
      {script("one", {{"east", "true"}}), script("two", {{"east", "true"}}), script("three", {{"east", "true"}})});
  run.plan.policy.snapshot_failures = 1;
  engine_.start_run(std::move(run));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 3U);
  EXPECT_EQ(methods(east), (Methods{"boot", "boot", "boot"}));
  const auto given_up = memory_.all<record::SnapshotsGivenUp>();
  ASSERT_EQ(given_up.size(), 1U);
  EXPECT_EQ(given_up[0].domain, east);
  EXPECT_EQ(given_up[0].reason, "load a.east: I/O error");
}

// ---- saving ----

TEST_F(ResetsTest, ASaveThatFailsIsToldAndTheTestRuns) {
  snapshots_.plan(east, {.saves_that_fail = 1});
  engine_.start_run(with_states(
      {script("one", {{"east", "true"}}), script("two", {{"east", "true"}}), script("three", {{"east", "true"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 3U);
  EXPECT_EQ(methods(east), (Methods{"boot", "boot", "load"}));
  EXPECT_EQ(memory_.all<record::ResetFinished>()[0].note, "its state was not saved: save a.east: no room");
  EXPECT_TRUE(memory_.all<record::ResetFailed>().empty());
}

TEST_F(ResetsTest, AGuestThatCannotBeMadeFitIsBootedAndToldWhy) {
  hypervisor_.prepare = [](const core::Domain&, console::FakeGuest& guest) {
    guest.mount({"suites", "/testing", "9p", "rw"});
    guest.faults.busy.insert("/testing");
  };
  engine_.start_run(with_states({script("one", {{"east", "cat /proc/mounts"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 1U);
  EXPECT_EQ(memory_.all<record::ResetFinished>()[0].note,
            "its state was not saved: the share on /testing stands in the way: umount: /testing: target is busy.");
  EXPECT_NE(console_of("one", "east").find("suites /testing 9p rw"), std::string::npos);
}

// As with a user who is not root: a boot is as good as without saved states.
TEST_F(ResetsTest, AGuestThatCouldNotBeRenewedIsNotSaved) {
  hypervisor_.prepare = [](const core::Domain&, console::FakeGuest& guest) {
    guest.mount({"suites", "/testing", "9p", "rw"});
    guest.faults.renewal = 3;
  };
  engine_.start_run(with_states({script("one", {{"east", "cat /proc/mounts"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 1U);
  EXPECT_EQ(memory_.all<record::ResetFinished>()[0].note,
            "its state was not saved: its random pool and clock could not be set");
  EXPECT_FALSE(snapshots_.kept(core::SavedStateId{"east"}));
  EXPECT_NE(console_of("one", "east").find("suites /testing 9p rw"), std::string::npos);
}

// Without a shell that answers it is no clean domain, saved or not.
TEST_F(ResetsTest, AGuestThatHangsWhileItIsMadeFitDidNotBoot) {
  hypervisor_.prepare = [](const core::Domain&, console::FakeGuest& guest) { guest.faults.hanging.insert("cat"); };
  Engine impatient{
      {{"root", "swan"}, 100ms, 65536, 2}, hypervisor_, snapshots_, snapshots_, recorder_, core::AttemptId{1}};
  impatient.start_run(with_states({script("one", {{"east", "true"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().unresolved, 1U);
  EXPECT_TRUE(memory_.all<record::TestStarted>().empty());
  const auto failed = memory_.all<record::ResetFailed>();
  ASSERT_EQ(failed.size(), 2U) << "a boot that failed like any other";
  for (const auto& reset : failed) EXPECT_FALSE(reset.host_fault) << reset.reason;
}

TEST_F(ResetsTest, SharesAreThereInEveryTest) {
  hypervisor_.prepare = [](const core::Domain&, console::FakeGuest& guest) {
    guest.mount({"suites", "/a b", "9p", "rw"});
  };
  engine_.start_run(
      with_states({script("one", {{"east", "cat /proc/mounts"}}), script("two", {{"east", "cat /proc/mounts"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(methods(east), (Methods{"boot", "load"}));
  for (const char* test : {"one", "two"})
    EXPECT_NE(console_of(test, "east").find("suites /a\\040b 9p rw"), std::string::npos) << console_of(test, "east");
}

// ---- stopping ----

TEST_F(ResetsTest, StoppingEndsALoadWhoseGuestSaysNothing) {
  snapshots_.plan(east, {.loads_that_hang = 1});
  engine_.start_run(with_states({script("one", {{"east", "true"}}), script("two", {{"east", "true"}})}));
  wait_for_method("load");
  engine_.stop_run("somebody");
  const auto finished = memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(finished.outcome, record::Outcome::stopped);
  EXPECT_EQ(finished.untested, 1U);
  EXPECT_TRUE(hypervisor_.running().empty());
  EXPECT_EQ(methods(east), Methods{"boot"});
}

TEST_F(ResetsTest, StoppingEndsARestoreWhoseGuestSaysNothing) {
  engine_.request_domain(east, {.fresh = false, .slots = 1, .states = state_of(east)});
  engine_.destroy_domain(east);
  snapshots_.plan(east, {.restores_that_hang = 1});
  engine_.start_run(with_states({script("one", {{"east", "true"}})}, {a}, {"east"}));
  wait_for_method("restore");
  engine_.stop_run("somebody");
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().outcome, record::Outcome::stopped);
  EXPECT_TRUE(hypervisor_.running().empty());
}

// ---- pausing ----

// The first attempt is made as soon as the test is over, the second when the next one does not need it.
TEST_F(ResetsTest, WhatCannotBePausedIsDestroyedAndRestored) {
  snapshots_.plan(west, {.pauses_that_fail = 2});
  engine_.start_run(with_states({script("one", {{"east", "true"}, {"west", "true"}}), script("two", {{"east", "true"}}),
                                 script("three", {{"west", "true"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 3U);
  EXPECT_EQ(methods(west), (Methods{"boot", "restore"}));
}

TEST_F(ResetsTest, ADomainThatEndsWhilePausedIsRestored) {
  engine_.start_run(with_states({script("one", {{"east", "true"}, {"west", "true"}}), script("two", {{"east", "hang"}}),
                                 script("three", {{"west", "true"}})}));
  memory_.wait_for<record::TestStarted>([](const auto& started) { return started.test == "two"; });
  hypervisor_.kill(west);
  hypervisor_.interrupt(east);
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 3U);
  EXPECT_EQ(methods(west), (Methods{"boot", "restore"}));
  EXPECT_EQ(verdicts().size(), 3U) << "no test used it";
}

// Its prefix's thread runs a test as long as it likes; the memory is wanted now.
TEST_F(ResetsTest, APausedDomainMakesRoomUnderARunningTest) {
  RunOrder run = with_states({script("one", {{"east", "true"}, {"west", "true"}}), script("free", {{"nic", "hang"}}),
                              script("two", {{"east", "hang"}}), script("three", {{"east", "true"}, {"road", "true"}})},
                             {a, b});
  run.plan.memory = {.budget = 3, .need = {{core::Host{"east"}, 1}, {core::Host{"west"}, 1}, {core::Host{"road"}, 1}}};
  engine_.start_run(std::move(run));
  memory_.wait_for<record::TestStarted>([](const auto& started) { return started.test == "two"; });
  EXPECT_TRUE(hypervisor_.running().contains("a.west"));
  hypervisor_.interrupt({b, nic.host});
  memory_.wait_for<record::AttemptJudged>([](const auto& judged) { return judged.test == "three"; });
  EXPECT_FALSE(hypervisor_.running().contains("a.west"));
  hypervisor_.interrupt(east);
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 4U);
}

// ---- clients ----

TEST_F(ResetsTest, AClientsDomainGoesBackInTheSameShell) {
  engine_.request_domain(east, {.fresh = false, .slots = 1, .states = state_of(east)});
  engine_.borrow(east)->run("x=dirt", 60s);
  const auto times = engine_.request_domain(east, {.fresh = true, .slots = 1, .states = state_of(east)});
  EXPECT_EQ(times.method, core::Method::load);
  EXPECT_EQ(engine_.borrow(east)->run("echo \"<$x>\"", 60s).output, "<>\n");
  const auto raw = engine_.raw_load(east);
  EXPECT_GT(raw.round_trip.count(), 0);
  EXPECT_EQ(engine_.borrow(east)->run("echo \"<$x>\"", 60s).output, "<>\n");
  engine_.destroy_domain(east);
}

// Whoever has a shell on it types into the old one.
TEST_F(ResetsTest, ADomainThatSomebodyHoldsIsStartedAnew) {
  engine_.request_domain(east, {.fresh = false, .slots = 1, .states = state_of(east)});
  const auto shell = engine_.borrow(east);
  const auto times = engine_.request_domain(east, {.fresh = true, .slots = 1, .states = state_of(east)});
  EXPECT_EQ(times.method, core::Method::restore);
  EXPECT_THROW(shell->run("true", 60s), console::Interrupted);
  engine_.destroy_domain(east);
}

TEST_F(ResetsTest, ADomainThatWasNotSavedHasNoWayBack) {
  engine_.request_domain(east, {});
  EXPECT_THROW(engine_.raw_load(east), HostFault);
  engine_.destroy_domain(east);
}

// ---- all at once ----

TEST_F(ResetsTest, ManyTestsOnTwoPrefixesWithFaultsInBetween) {
  const core::Domain b_east{b, east.host};
  const core::Domain b_west{b, west.host};
  snapshots_.plan(east, {.saves_that_fail = 1, .loads_that_fail = 1});
  snapshots_.plan(b_east, {.restores_that_fail = 1, .pauses_that_fail = 2});
  snapshots_.plan(b_west, {.loads_that_fail = 1, .pauses_that_fail = 1});
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
  engine_.start_run(with_states(std::move(tests), {a, b}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 40U);
  EXPECT_EQ(verdicts(), expected);
  for (const auto& [test, verdict] : expected)
    for (const char* host : {"east", "west"})
      EXPECT_EQ(console_of(test, host).find("dirt"), std::string::npos) << test << ' ' << host;
  EXPECT_TRUE(hypervisor_.running().empty());
}

}  // namespace
}  // namespace kvmtest::engine
