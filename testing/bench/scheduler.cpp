// The scheduler's own work for a long suite, in virtual time: no test takes any, but every event does.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "simulator/simulator.h"

namespace kvmtest::simulator {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t tests = 1500;

core::RunPlan plan(unsigned prefixes, std::uint32_t count = tests) {
  core::RunPlan plan;
  plan.run = core::RunId{1};
  plan.slots = prefixes;
  plan.quick_slots = prefixes;
  for (unsigned i = 0; i < prefixes; ++i) plan.prefixes.emplace_back("p" + std::to_string(i) + ".");
  for (std::uint32_t i = 0; i < count; ++i) {
    core::PlannedTest& test = plan.tests.emplace_back();
    test.index = core::TestIndex{i};
    test.name = "bench/t" + std::to_string(i);
    test.hosts = {core::Host{"east"}, core::Host{"west"}};
  }
  return plan;
}

/// Each domain boots once and saves its state, and goes back to it for every further test.
void save_states(core::RunPlan& plan) {
  for (const core::Prefix& prefix : plan.prefixes)
    for (const core::Host& host : plan.tests.front().hosts)
      plan.states.of[{prefix, host}] = core::SavedStateId{prefix.value + host.value};
}

Model machine() {
  Model model = Model::constant(3s, 0s, 20ms, 200ms);
  model.go_back = [](const core::Domain&, unsigned) { return ResetFate{.takes = 100ms}; };
  // Of 1 to 3 s, so that prefixes come to their ends at different times.
  model.test = [](core::TestIndex test, unsigned) { return TestFate{.takes = 1s + 100ms * (test.value * 7 % 21)}; };
  return model;
}

std::size_t loads_of(const core::RunPlan& plan) {
  std::size_t loads = 0;
  Simulator simulator(machine());
  simulator.watch = [&](auto, const auto&, const core::Actions& actions, const auto&) {
    for (const core::Action& action : actions) {
      const auto* reset = std::get_if<core::action::ResetDomain>(&action);
      if (reset != nullptr && reset->method == core::Method::load) ++loads;
    }
  };
  simulator.at({}, core::event::RunSubmitted{plan});
  simulator.run();
  return loads;
}

void run(benchmark::State& state, const core::RunPlan& submitted) {
  const Model model = machine();
  std::uint64_t events = 0;
  for (auto _ : state) {
    Simulator simulator(model);
    simulator.at({}, core::event::RunSubmitted{submitted});
    const Outcome outcome = simulator.run();
    events += outcome.events;
    if (outcome.finished != core::record::Outcome::completed || outcome.verdicts.size() != tests) {
      state.SkipWithError("the run did not come to its end");
      break;
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(events));  // the simulator's share included
}

void boots(benchmark::State& state) { run(state, plan(static_cast<unsigned>(state.range(0)))); }
BENCHMARK(boots)->Name("scheduler/1500_tests/boot")->Arg(1)->Arg(4)->Arg(16)->Unit(benchmark::kMillisecond);

void loads(benchmark::State& state) {
  core::RunPlan submitted = plan(static_cast<unsigned>(state.range(0)));
  save_states(submitted);
  if (loads_of(submitted) != 2 * (tests - submitted.prefixes.size())) {
    state.SkipWithError("domains did not go back to saved states");
    return;
  }
  run(state, submitted);
}
BENCHMARK(loads)->Name("scheduler/1500_tests/load")->Arg(1)->Arg(4)->Arg(16)->Unit(benchmark::kMillisecond);

/// What a decision costs: the events of a run are played to a scheduler once more, without a machine. With saved
/// states, spares and a budget of memory that all have room in.
void decisions(benchmark::State& state) {
  const auto prefixes = static_cast<unsigned>(state.range(0));
  core::RunPlan submitted = plan(prefixes, 10 * prefixes);
  save_states(submitted);
  submitted.spares = 2 * prefixes;
  submitted.spare_slots = prefixes;
  submitted.memory.budget = std::uint64_t{1} << 50;
  for (const core::Host& host : submitted.tests.front().hosts) submitted.memory.need[host] = 1 << 30;
  std::vector<std::pair<core::Instant, core::Event>> events;
  Model model = machine();
  model.spare = [](const core::Domain&, bool) { return SpareFate{.takes = 300ms, .started_after = 200ms}; };
  Simulator simulator(model);
  simulator.watch = [&](core::Instant now, const core::Event& event, const auto&, const auto&) {
    events.emplace_back(now, event);
  };
  simulator.at({}, core::event::RunSubmitted{submitted});
  if (simulator.run().finished != core::record::Outcome::completed) state.SkipWithError("the run did not end");
  for (auto _ : state) {
    core::Scheduler scheduler(core::AttemptId{1});
    for (const auto& [now, event] : events) benchmark::DoNotOptimize(scheduler.handle(event, now));
  }
  const auto items = static_cast<std::int64_t>(events.size()) * state.iterations();
  state.SetItemsProcessed(items);
  state.counters["per_decision"] =
      benchmark::Counter(static_cast<double>(items), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(decisions)->Name("scheduler/decisions/prefixes")->Arg(10)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kvmtest::simulator
