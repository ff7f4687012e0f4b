#include "planning/plan.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace kvmtest::planning {

namespace {

/// What QEMU takes beside the guest's memory: its own code and devices, and under emulation what it translates.
constexpr std::uint64_t qemu_overhead = 128ULL << 20U;
/// What the run leaves to everybody else.
constexpr std::uint64_t memory_reserve = 256ULL << 20U;

/// By host, how many of the tests want it.
std::map<core::Host, unsigned> demand(const std::vector<core::PlannedTest>& tests) {
  std::map<core::Host, unsigned> out;
  for (const core::PlannedTest& test : tests)
    for (const core::Host& host : test.hosts) ++out[host];
  return out;
}

/// What the attempts of an interrupted run came to.
core::SoFar so_far(const report::TestResult& test) {
  core::SoFar out;
  for (const report::Attempt& attempt : test.attempts) {
    if (!attempt.verdict) continue;
    out.stumbled = out.stumbled || attempt.verdict != core::Verdict::passed;
    if (core::is_hosts_fault(attempt.issues)) continue;
    ++out.counted;
    out.worst = core::worse(out.worst, *attempt.verdict);
  }
  return out;
}

core::PlannedTest planned(core::TestIndex index, const suite::Shelf& tests) {
  core::PlannedTest out{index, tests.name(index.value), {}, 0};
  const auto& hosts = tests.hosts(index.value);
  out.hosts.reserve(hosts.size());
  for (const std::string& host : hosts) out.hosts.emplace_back(host);
  return out;
}

/// Takes a verdict of the interrupted run over.
void keep_verdict(Plan& plan, core::TestIndex index, const report::TestResult& result) {
  plan.decided[index] = *result.verdict;
  if (result.flaky) ++plan.flaky;
  if (result.verdict == core::Verdict::failed || result.verdict == core::Verdict::unresolved) ++plan.run.failed;
}

void add_tests(Plan& plan, const suite::Shelf& tests, const std::vector<report::TestResult>& results) {
  plan.run.tests.reserve(tests.size());
  for (std::size_t i = 0; i < tests.size(); ++i) {
    const core::TestIndex index{static_cast<std::uint32_t>(i)};
    const report::TestResult* result = results.empty() ? nullptr : &results.at(i);
    if (result != nullptr && result->verdict) {
      keep_verdict(plan, index, *result);
      continue;
    }
    if (const std::string& obstacle = tests.obstacle(i); !obstacle.empty()) {
      plan.decided[index] = core::Verdict::untested;
      plan.untested[tests.name(i)] = obstacle;
      continue;
    }
    core::PlannedTest next = planned(index, tests);
    if (result != nullptr) {
      next.attempts = result->attempts.empty() ? 0 : result->attempts.back().number;
      next.so_far = so_far(*result);
    }
    plan.run.tests.push_back(std::move(next));
  }
}

void add_state(core::States& states, const core::Domain& domain, const StateOf& state_of) {
  const CleanState state = state_of(domain);
  states.of.emplace(domain, state.id);
  if (state.kept) states.kept.insert(state.id);
}

}  // namespace

core::Memory memory_for(const Machine& machine, settings::ResetMethod reset) {
  core::Memory memory;
  const std::uint64_t available = machine.memory_available;
  if (available == 0) return memory;
  memory.budget = available > 2 * memory_reserve ? available - memory_reserve : available / 2;
  // A saved state holds at most all of the guest's memory, and lies in RAM.
  for (const auto& [host, own] : machine.guest_memory)
    memory.need[host] = own + qemu_overhead + (reset == settings::ResetMethod::boot ? 0 : own);
  return memory;
}

unsigned spares_for(const core::RunPlan& plan) {
  const auto wanted = demand(plan.tests);
  std::uint64_t all = 0;
  std::uint64_t largest = 0;
  for (const auto& [host, need] : plan.memory.need) {
    if (!wanted.contains(host)) continue;
    all += need * plan.prefixes.size();
    largest = std::max(largest, need);
  }
  if (plan.states.of.empty() || largest == 0 || plan.memory.budget <= all) return 0;
  return static_cast<unsigned>(std::min<std::uint64_t>(plan.states.of.size(), (plan.memory.budget - all) / largest));
}

std::size_t useful_prefixes(const RunRequest& request, const std::vector<suite::LoadedTest>& tests,
                            const Machine& machine) {
  std::set<std::string> hosts;
  for (const auto& loaded : tests) hosts.insert(loaded.test.hosts.begin(), loaded.test.hosts.end());
  const core::Memory memory = memory_for(machine, request.reset);
  std::uint64_t need = 0;
  for (const std::string& host : hosts)
    if (const auto found = memory.need.find(core::Host{host}); found != memory.need.end()) need += found->second;
  std::uint64_t most = std::min<std::uint64_t>(request.prefixes.size(), tests.size());
  if (memory.budget > 0 && need > 0) {
    const std::uint64_t fit = memory.budget / need;
    // Two without spares gain more than one with them.
    const bool spares = request.spares && request.reset != settings::ResetMethod::boot;
    most = std::min(most, spares ? std::max(fit / 2, std::min<std::uint64_t>(fit, 2)) : fit);
  }
  return std::max<std::uint64_t>(1, most);
}

unsigned quick_slots(const RunRequest& request, const Machine& machine) {
  return std::max(request.workers, machine.cores);
}

core::States states_for(const std::vector<core::Prefix>& prefixes, const std::vector<core::PlannedTest>& tests,
                        const RunRequest& request, const StateOf& state_of) {
  core::States states;
  if (request.reset == settings::ResetMethod::boot) return states;
  const auto wanted = demand(tests);
  for (const core::Prefix& prefix : prefixes)
    for (const auto& [host, count] : wanted) add_state(states, {prefix, host}, state_of);
  if (!request.keep) states.kept.clear();
  // One test alone is not worth the saving of a state.
  if (request.reset == settings::ResetMethod::automatic)
    std::erase_if(states.of, [&](const auto& entry) {
      return wanted.at(entry.first.host) < 2 && !states.kept.contains(entry.second);
    });
  return states;
}

core::States states_for_client(const core::Domain& domain, settings::ResetMethod reset, const StateOf& state_of) {
  core::States states;
  if (reset == settings::ResetMethod::boot) return states;
  add_state(states, domain, state_of);
  if (reset == settings::ResetMethod::automatic && states.kept.empty()) return {};
  return states;
}

Plan plan(const RunRequest& request, const suite::Shelf& tests, const std::vector<report::TestResult>& results,
          const settings::Settings::Limits& limits, const Machine& machine, const StateOf& state_of) {
  Plan out;
  core::RunPlan& run = out.run;
  run.slots = request.workers;
  run.quick_slots = quick_slots(request, machine);
  run.prefixes = prefixes_of(request.prefixes);
  run.admission.starts = request.automatic.workers;
  run.admission.prefixes = request.automatic.prefixes;
  run.policy = request.policy;
  run.policy.boot_tries = limits.boot_tries;
  run.policy.host_fault_retries = limits.host_fault_retries;
  run.policy.quarantine_after = limits.quarantine_after;
  add_tests(out, tests, results);
  run.states = states_for(run.prefixes, run.tests, request, state_of);
  run.memory = memory_for(machine, request.reset);
  if (request.spares) run.spares = spares_for(run);
  return out;
}

void set_sharing(core::RunPlan& run, const settings::Settings::Load& load) {
  run.sharing.freezing = load.freezing;
  run.sharing.share = load.share / 100.0;
  run.admission.max_average = load.most_average / 100.0;
  run.policy.starved = load.starved / 100.0;
  run.policy.starved_retries = load.retries;
}

std::vector<core::Prefix> prefixes_of(const std::vector<std::string>& names) {
  std::vector<core::Prefix> out;
  for (const std::string& name : names) out.emplace_back(name);
  return out;
}

std::vector<std::string> names_of(const std::vector<suite::LoadedTest>& tests) {
  std::vector<std::string> out;
  for (const suite::LoadedTest& loaded : tests) out.push_back(loaded.test.name);
  return out;
}

}  // namespace kvmtest::planning
