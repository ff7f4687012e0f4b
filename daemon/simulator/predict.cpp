#include "simulator/predict.h"

#include <algorithm>

#include "simulator/simulator.h"

namespace kvmtest::simulator {

Forecast predict(const Workload& workload, unsigned slots, unsigned prefixes) {
  Model model = Model::constant(workload.boot, {}, {}, workload.destroy);
  model.cores = std::max(1U, workload.cores);
  model.judges = std::max(1U, workload.judges);
  model.reset = [&](const core::Domain& domain, unsigned) {
    const auto known = workload.boots.find(domain.host);
    return ResetFate{.takes = known == workload.boots.end() ? workload.boot : known->second};
  };
  model.go_back = [&](const core::Domain&, unsigned) { return ResetFate{.takes = workload.go_back}; };
  model.test = [&](core::TestIndex test, unsigned) { return TestFate{.takes = workload.tests[test.value].test}; };
  model.judge = [&](core::TestIndex test, unsigned) { return JudgeFate{.takes = workload.tests[test.value].judging}; };

  core::RunPlan plan;
  plan.slots = std::max(1U, slots);
  for (unsigned i = 0; i < std::max(1U, prefixes); ++i) plan.prefixes.emplace_back("p" + std::to_string(i) + ".");
  core::Duration in_tests{};
  for (std::uint32_t i = 0; i < workload.tests.size(); ++i) {
    const PastTest& test = workload.tests[i];
    plan.tests.push_back({core::TestIndex{i}, test.name, test.hosts, 0});
    in_tests += test.test;
  }

  plan.quick_slots = std::max(plan.slots, model.cores);
  if (workload.go_back > core::Duration{})
    for (const auto& test : plan.tests)
      for (const core::Host& host : test.hosts) {
        const core::StateId state{host.value};
        for (const core::Prefix& prefix : plan.prefixes) plan.states.of[{prefix, host}] = state;
        if (workload.states_kept) plan.states.kept.insert(state);
      }

  Simulator simulator(std::move(model));
  simulator.at({}, core::event::RunSubmitted{plan});
  const Outcome outcome = simulator.run();
  Forecast forecast;
  forecast.makespan = outcome.makespan;
  if (outcome.makespan.count() > 0) {
    const double makespan = core::seconds(outcome.makespan);
    forecast.slots_used = core::seconds(outcome.slots_busy) / (makespan * plan.slots);
    forecast.prefixes_used = core::seconds(in_tests) / (makespan * static_cast<double>(plan.prefixes.size()));
  }
  return forecast;
}

}  // namespace kvmtest::simulator
