#include "planning/plan.h"

#include <gtest/gtest.h>

#include <set>

#include "fixture.h"

namespace kvmtest::planning {
namespace {

using core::Domain;
using core::Host;
using core::Prefix;
using core::Verdict;
using settings::ResetMethod;

/// Three tests: east is wanted by two of them, west by one, nic by one.
std::vector<suite::LoadedTest> tests() {
  return {test("a", {"east", "west"}), test("b", {"east"}), test("c", {"nic"})};
}

RunRequest request() {
  RunRequest out;
  out.prefixes = {"a.", "b."};
  out.workers = 2;
  return out;
}

/// All prefixes share a host's state, as real domains do; `kept` are saved.
StateOf states(std::set<std::string> kept = {}) {
  return [kept = std::move(kept)](const Domain& domain) {
    return CleanState{core::SavedStateId{domain.host.value}, kept.contains(domain.host.value)};
  };
}

Machine machine(std::uint64_t available = 0) {
  Machine out;
  out.cores = 4;
  out.memory_available = available;
  for (const char* host : {"east", "west", "nic", "unused"}) out.guest_memory[Host{host}] = 192 * mib;
  return out;
}

Plan planned(const RunRequest& of, const Machine& on = machine(), const StateOf& state_of = states()) {
  return plan(of, tests(), {}, {}, on, state_of);
}

TEST(Plan, TellsTheSchedulerWhatIsAskedFor) {
  RunRequest wish = request();
  wish.policy.max_fail = 3;
  wish.policy.retries = 2;
  wish.policy.keep_failed = true;
  settings::Settings::Limits limits;
  limits.boot_tries = 5;
  limits.host_fault_retries = 6;
  limits.quarantine_after = 7;
  const core::RunPlan run = plan(wish, tests(), {}, limits, machine(), states()).run;
  EXPECT_EQ(run.slots, 2U);
  EXPECT_EQ(run.quick_slots, 4U) << "a core each";
  EXPECT_EQ(run.prefixes, (std::vector<Prefix>{Prefix{"a."}, Prefix{"b."}}));
  EXPECT_EQ(run.policy.max_fail, 3U);
  EXPECT_EQ(run.policy.retries, 2U);
  EXPECT_TRUE(run.policy.keep_failed);
  EXPECT_EQ(run.policy.boot_tries, 5U);
  EXPECT_EQ(run.policy.host_fault_retries, 6U);
  EXPECT_EQ(run.policy.quarantine_after, 7U);
  ASSERT_EQ(run.tests.size(), 3U);
  EXPECT_EQ(run.tests[0].hosts, (std::vector<Host>{Host{"east"}, Host{"west"}}));
  EXPECT_EQ(run.tests[2].index, core::TestIndex{2});
}

TEST(Plan, QuickSlotsAreNeverFewerThanSlots) {
  RunRequest wish = request();
  wish.workers = 9;
  EXPECT_EQ(planned(wish).run.quick_slots, 9U);
}

TEST(Plan, ATestThatCannotRunIsUntested) {
  auto all = tests();
  all[1].test.obstacle = "no such file";
  const Plan out = plan(request(), all, {}, {}, machine(), states());
  EXPECT_EQ(out.decided, (std::map<core::TestIndex, Verdict>{{core::TestIndex{1}, Verdict::untested}}));
  EXPECT_EQ(out.untested, (std::map<std::string, std::string>{{"b", "no such file"}}));
  ASSERT_EQ(out.run.tests.size(), 2U);
  EXPECT_EQ(out.run.tests[1].index, core::TestIndex{2}) << "its place in the run's list";
}

report::Attempt attempt(unsigned number, std::optional<Verdict> verdict, std::vector<core::Issue> issues = {}) {
  report::Attempt out;
  out.number = number;
  out.verdict = verdict;
  out.issues = std::move(issues);
  return out;
}

TEST(Plan, ARunThatGoesOnKeepsItsVerdictsAndCountsItsAttempts) {
  const std::vector<report::TestResult> results{
      {.name = "a", .verdict = Verdict::passed, .flaky = true},
      {.name = "b", .verdict = Verdict::failed},
      {.name = "c",
       .attempts = {attempt(1, Verdict::unresolved, {{"", core::issue::host_fault, ""}}), attempt(2, Verdict::passed),
                    attempt(3, Verdict::failed), attempt(4, std::nullopt)}}};
  const Plan out = plan(request(), tests(), results, {}, machine(), states());
  EXPECT_EQ(out.decided.size(), 2U);
  EXPECT_EQ(out.decided.at(core::TestIndex{1}), Verdict::failed);
  EXPECT_EQ(out.flaky, 1U);
  EXPECT_EQ(out.run.failed, 1U);
  EXPECT_TRUE(out.untested.empty());
  ASSERT_EQ(out.run.tests.size(), 1U);
  const core::PlannedTest& left = out.run.tests.front();
  EXPECT_EQ(left.attempts, 4U);
  EXPECT_EQ(left.so_far.counted, 2U) << "neither the host's fault nor the one that died says anything of it";
  EXPECT_EQ(left.so_far.worst, Verdict::failed);
  EXPECT_TRUE(left.so_far.stumbled);
}

TEST(Plan, DomainsOfTheRunHaveStates) {
  const core::States all = planned(request(), machine(), states({"west"})).run.states;
  EXPECT_EQ(all.of.size(), 6U) << "of three hosts in two prefixes, and of no other";
  EXPECT_EQ(all.of.at({Prefix{"b."}, Host{"nic"}}), core::SavedStateId{"nic"});
  EXPECT_EQ(all.kept, std::set<core::SavedStateId>{core::SavedStateId{"west"}});
}

TEST(Plan, WithoutKeepingNothingIsThereBefore) {
  RunRequest wish = request();
  wish.keep = false;
  EXPECT_TRUE(planned(wish, machine(), states({"east", "west"})).run.states.kept.empty());
}

TEST(Plan, BootedDomainsHaveNoStates) {
  RunRequest wish = request();
  wish.reset = ResetMethod::boot;
  const Plan out = plan(wish, tests(), {}, {}, machine(), [](const Domain&) -> CleanState {
    ADD_FAILURE() << "nobody needs it";
    return {};
  });
  EXPECT_TRUE(out.run.states.of.empty());
}

TEST(Plan, AutomaticSavesNothingForOneTestAlone) {
  RunRequest wish = request();
  wish.reset = ResetMethod::automatic;
  const core::States all = planned(wish, machine(), states({"nic"})).run.states;
  EXPECT_TRUE(all.of.contains({Prefix{"a."}, Host{"east"}})) << "two tests want it";
  EXPECT_FALSE(all.of.contains({Prefix{"a."}, Host{"west"}}));
  EXPECT_TRUE(all.of.contains({Prefix{"a."}, Host{"nic"}})) << "it is there already";
}

TEST(StatesForClient, AutomaticSavesNothing) {
  const Domain domain{Prefix{"a."}, Host{"east"}};
  EXPECT_TRUE(states_for_client(domain, ResetMethod::boot, states({"east"})).of.empty());
  EXPECT_TRUE(states_for_client(domain, ResetMethod::automatic, states()).of.empty());
  EXPECT_EQ(states_for_client(domain, ResetMethod::automatic, states({"east"})).kept.size(), 1U);
  EXPECT_EQ(states_for_client(domain, ResetMethod::snapshot, states()).of.size(), 1U);
}

TEST(Memory, LeavesSomeToOthersAndCountsSavedStates) {
  const core::Memory memory = memory_for(machine(4096 * mib), ResetMethod::snapshot);
  EXPECT_EQ(memory.budget, 3840 * mib);
  EXPECT_EQ(memory.need.at(Host{"east"}), (192 + 192 + 128) * mib);
  EXPECT_EQ(memory_for(machine(4096 * mib), ResetMethod::boot).need.at(Host{"east"}), (192 + 128) * mib);
  EXPECT_EQ(memory_for(machine(400 * mib), ResetMethod::snapshot).budget, 200 * mib) << "half, where there is little";
}

TEST(Memory, IsNoBoundWhereItIsNotKnown) {
  EXPECT_EQ(memory_for(machine(0), ResetMethod::snapshot).budget, 0U);
  EXPECT_EQ(planned(request(), machine(0)).run.spares, 0U);
}

// Three hosts in two prefixes take 6 times 512 MiB, whatever other templates there are.
TEST(Spares, GetWhatAllDomainsTogetherLeave) {
  const auto spares = [](std::uint64_t budget) { return planned(request(), machine((budget + 256) * mib)).run.spares; };
  EXPECT_EQ(spares(6 * 512), 0U);
  EXPECT_EQ(spares(6 * 512 + 511), 0U);
  EXPECT_EQ(spares(6 * 512 + 512), 1U);
  EXPECT_EQ(spares(9 * 512), 3U);
  EXPECT_EQ(spares(99 * 512), 6U) << "one each";
}

TEST(Spares, AreForDomainsThatGoBack) {
  RunRequest wish = request();
  wish.reset = ResetMethod::boot;
  EXPECT_EQ(planned(wish, machine(99999 * mib)).run.spares, 0U);
  wish = request();
  wish.spares = false;
  EXPECT_EQ(planned(wish, machine(99999 * mib)).run.spares, 0U);
}

}  // namespace
}  // namespace kvmtest::planning
