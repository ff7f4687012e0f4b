#include "simulator/predict.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "simulator/simulator.h"

namespace kvmtest::simulator {

namespace {

/// Between two measurements of the load: seldomer than really, for a forecast has to be made in no time.
constexpr auto tick = std::chrono::milliseconds(200);
constexpr auto turn = std::chrono::seconds(1);

/// The domains that hold their state since they were started in it.
using Holding = std::set<core::Domain>;

/// A machine on which everything takes as long as the timings say. Both must outlive the model.
Model model_of(const Timings& timings, Holding& holding) {
  Model model = Model::constant({}, {}, timings.judging);
  model.cores = std::max(1U, timings.cores);
  model.judges = std::max(1U, timings.judges);
  const auto of = [&timings](const core::Host& host) -> const ResetTimes& {
    const auto known = timings.of_host.find(host);
    return known == timings.of_host.end() ? timings.resets : known->second;
  };
  model.reset = [of](const core::Domain& domain, unsigned) {
    return ResetFate{.takes = of(domain.host).boot, .in_place = false};  // as QEMU that was given a kernel
  };
  model.go_back = [of, &holding](const core::Domain& domain, unsigned) {
    const ResetTimes& times = of(domain.host);
    return ResetFate{.takes = holding.insert(domain).second ? times.restore : times.load};
  };
  model.swap = [of](const core::Domain& domain, unsigned) { return ResetFate{.takes = of(domain.host).swap}; };
  model.spare = [of, besides = timings.besides](const core::Domain& domain, bool in_place) {
    const ResetTimes& times = of(domain.host);
    return SpareFate{.work = (in_place ? times.load : times.restore) + besides};
  };
  model.destroy = [takes = timings.destroy, &holding](const core::Domain& domain, unsigned) {
    holding.erase(domain);
    return DestroyFate{.takes = takes};
  };
  model.test = [&timings](core::TestIndex test, unsigned) {
    const TestTime& time = timings.tests.at(test.value);
    const double width = 1 + timings.together * (std::max(1U, time.hosts) - 1);
    const auto worked = std::chrono::duration_cast<core::Duration>((time.work + time.starved) / width);
    // It works and rests by turns; how often is not on record.
    const auto turns = static_cast<unsigned>(std::clamp<core::Duration::rep>(time.took / turn, 1, 100));
    return TestFate{
        .takes = std::max(core::Duration{}, time.took - worked), .work = time.work, .width = width, .turns = turns};
  };
  model.tick = tick;
  return model;
}

/// Times resets from their order to their end.
class Stopwatch {
 public:
  explicit Stopwatch(const Holding& holding) : holding_(holding) {}

  void order(const core::action::ResetDomain& reset, core::Instant now) {
    core::Duration ResetTimes::*kind = core::is_boot(reset.method)          ? &ResetTimes::boot
                                       : reset.method == core::Method::swap ? &ResetTimes::swap
                                       : holding_.contains(reset.domain)    ? &ResetTimes::load
                                                                            : &ResetTimes::restore;
    under_way_[reset.ticket] = {kind, now};
  }
  void end(core::Ticket ticket, core::Instant now) {
    const auto reset = under_way_.extract(ticket);
    if (reset.empty()) return;
    const auto [kind, since] = reset.mapped();
    sums_.*kind += now - since;
    counts_.*kind += core::Duration(1);
  }
  [[nodiscard]] ResetTimes means() const {
    ResetTimes out;
    for (const auto kind : {&ResetTimes::boot, &ResetTimes::restore, &ResetTimes::load, &ResetTimes::swap})
      if ((counts_.*kind).count() > 0) out.*kind = sums_.*kind / (counts_.*kind).count();
    return out;
  }

 private:
  const Holding& holding_;
  std::map<core::Ticket, std::pair<core::Duration ResetTimes::*, core::Instant>> under_way_;
  ResetTimes sums_;
  ResetTimes counts_;  ///< a microsecond a reset
};

}  // namespace

Forecast predict(const core::RunPlan& plan, const Timings& timings) {
  Holding holding;
  Stopwatch stopwatch(holding);
  Simulator simulator(model_of(timings, holding));
  simulator.watch = [&](core::Instant now, const core::Event& event, const core::Actions& actions, const auto&) {
    if (const auto* reset = std::get_if<core::event::DomainReset>(&event)) stopwatch.end(reset->ticket, now);
    for (const core::Action& action : actions)
      if (const auto* reset = std::get_if<core::action::ResetDomain>(&action)) stopwatch.order(*reset, now);
  };
  simulator.at({}, core::event::RunSubmitted{plan});
  const Outcome outcome = simulator.run();
  Forecast forecast;
  forecast.makespan = outcome.makespan;
  forecast.resets = stopwatch.means();
  if (outcome.makespan.count() > 0) {
    core::Duration in_tests{};
    core::Duration starved{};
    core::Duration frozen{};
    std::set<core::Prefix> used;
    for (const auto& [test, reports] : outcome.verdicts)
      for (const Judged& judged : reports) {
        in_tests += judged.report.split.test;
        frozen += judged.report.frozen;
        for (const core::record::HostUse& use : judged.report.use) starved += use.starved;
        used.insert(judged.report.prefix);
      }
    forecast.prefixes = static_cast<unsigned>(used.size());
    forecast.stood_still = core::seconds(frozen) / std::max(1e-6, core::seconds(in_tests));
    forecast.starved = core::seconds(starved) / std::max(1e-6, core::seconds(in_tests));
    const double makespan = core::seconds(outcome.makespan);
    forecast.slots_used = core::seconds(outcome.slots_busy) / (makespan * plan.slots);
    forecast.prefixes_used = core::seconds(in_tests) / (makespan * static_cast<double>(plan.prefixes.size()));
  }
  return forecast;
}

}  // namespace kvmtest::simulator
