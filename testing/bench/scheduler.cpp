// The scheduler's own work for a long suite, in virtual time: no test takes any, but every event does.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "simulator/simulator.h"

namespace kvmtest::simulator {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t tests = 1500;

core::RunPlan plan(unsigned prefixes) {
  core::RunPlan plan;
  plan.run = core::RunId{1};
  plan.slots = prefixes;
  for (unsigned i = 0; i < prefixes; ++i) plan.prefixes.emplace_back("p" + std::to_string(i) + ".");
  for (std::uint32_t i = 0; i < tests; ++i) {
    core::PlannedTest& test = plan.tests.emplace_back();
    test.index = core::TestIndex{i};
    test.name = "bench/t" + std::to_string(i);
    test.hosts = {core::Host{"east"}, core::Host{"west"}};
  }
  return plan;
}

void run(benchmark::State& state) {
  const core::RunPlan submitted = plan(static_cast<unsigned>(state.range(0)));
  Model model = Model::constant(3s, 0s, 20ms, 200ms);
  // Of 1 to 3 s, so that prefixes come to their ends at different times.
  model.test = [](core::TestIndex test, unsigned) { return TestFate{.takes = 1s + 100ms * (test.value * 7 % 21)}; };
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
BENCHMARK(run)->Name("scheduler/1500_tests")->Arg(1)->Arg(4)->Arg(16)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kvmtest::simulator
