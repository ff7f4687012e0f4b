// The scheduler's own work for a long suite, in virtual time: no test takes any, but every event does.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <variant>

#include "simulator/simulator.h"

namespace kvmtest::simulator {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t tests = 1500;

core::RunPlan plan(unsigned prefixes) {
  core::RunPlan plan;
  plan.run = core::RunId{1};
  plan.slots = prefixes;
  plan.quick_slots = prefixes;
  for (unsigned i = 0; i < prefixes; ++i) plan.prefixes.emplace_back("p" + std::to_string(i) + ".");
  for (std::uint32_t i = 0; i < tests; ++i) {
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
      plan.states.of[{prefix, host}] = core::StateId{prefix.value + host.value};
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

}  // namespace
}  // namespace kvmtest::simulator
