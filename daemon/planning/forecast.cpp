#include "planning/forecast.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>

namespace kvmtest::planning {

namespace {

// What destroy is allowed to take (docs/architecture.md); runs do not tell their destructions apart.
constexpr core::Duration destroy_time = std::chrono::milliseconds(300);

/// A mean that grows.
struct Mean {
  core::Duration sum{};
  unsigned count = 0;

  void add(core::Duration mean, unsigned of = 1) {
    sum += mean * of;
    count += of;
  }
  [[nodiscard]] core::Duration value() const { return count == 0 ? core::Duration{} : sum / count; }
};

/// The resets of one host's domains, or of all, by way.
struct Ways {
  Mean boot;
  Mean restore;
  Mean load;

  void add(const report::ResetTime& time) {
    (time.method == "boot" ? boot : time.method == "restore" ? restore : load).add(time.mean, time.count);
  }
  /// What is not known is as in `others`; going back in one way is as in the other one.
  [[nodiscard]] simulator::ResetTimes times(const simulator::ResetTimes& others) const {
    simulator::ResetTimes out = others;
    if (boot.count > 0) out.boot = boot.value();
    if (restore.count > 0) out.restore = restore.value();
    if (load.count > 0) out.load = load.value();
    if (out.restore == core::Duration{}) out.restore = out.load;
    if (out.load == core::Duration{}) out.load = out.restore;
    return out;
  }
};

/// Returns the means over all hosts.
simulator::ResetTimes add_resets(Basis& basis, const std::vector<report::ResetTime>& resets) {
  Ways all;
  std::map<core::Host, Ways> by_host;
  for (const report::ResetTime& time : resets) {
    all.add(time);
    by_host[time.host].add(time);
    if (time.method == "boot") basis.booted.insert(time.host);
  }
  basis.timings.resets = all.times({});
  for (const auto& [host, ways] : by_host) basis.timings.of_host[host] = ways.times(basis.timings.resets);
  return {all.boot.value(), all.restore.value(), all.load.value()};
}

/// Applies `change` to the times of all hosts.
template <class Change>
void change_times(simulator::Timings& timings, Change change) {
  change(timings.resets);
  for (auto& [host, times] : timings.of_host) change(times);
}

/// Resets of the run that were under way together slowed each other down, and the simulator does that once more. So
/// the times without it are looked for: those with which a run of the same workers and prefixes has the times that
/// were recorded.
void calibrate(Basis& basis, const report::RunSummary& run, const simulator::ResetTimes& recorded) {
  constexpr int rounds = 5;
  const auto prefixes = static_cast<unsigned>(std::max<std::size_t>(1, run.prefixes.size()));
  for (int round = 0; round < rounds; ++round) {
    const simulator::ResetTimes told = forecast(basis, std::max(1U, run.workers), prefixes).resets;
    for (const auto kind :
         {&simulator::ResetTimes::boot, &simulator::ResetTimes::restore, &simulator::ResetTimes::load})
      if (told.*kind > core::Duration{} && recorded.*kind > core::Duration{})
        change_times(basis.timings, [&](simulator::ResetTimes& times) {
          times.*kind = times.*kind * (recorded.*kind).count() / (told.*kind).count();
        });
  }
}

core::Duration judging(const report::RunSummary& run) {
  Mean mean;
  for (const auto& test : run.tests)
    for (const auto& attempt : test.attempts) mean.add(attempt.split.judging);
  return mean.value();
}

core::Duration median(std::vector<core::Duration> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? core::Duration{} : values[values.size() / 2];
}

void add_durations(Basis& basis, const Past& past, const report::RunSummary& run) {
  std::map<std::string, core::Duration> known = past.durations;
  for (const auto& test : run.tests)
    if (!test.attempts.empty() && test.attempts.back().started)
      known.emplace(test.name, test.attempts.back().own_time());
  std::vector<core::Duration> values;
  for (const auto& loaded : basis.tests)
    if (const auto found = known.find(loaded.test.name); found != known.end()) values.push_back(found->second);
  const core::Duration usual = median(std::move(values));
  for (const auto& loaded : basis.tests) {
    const auto found = known.find(loaded.test.name);
    basis.timings.tests.push_back(found == known.end() ? usual : found->second);
    if (found == known.end() && loaded.test.obstacle.empty()) ++basis.unknown;
  }
}

}  // namespace

std::size_t Basis::runnable() const {
  return static_cast<std::size_t>(
      std::count_if(tests.begin(), tests.end(), [](const auto& loaded) { return loaded.test.obstacle.empty(); }));
}

Basis basis_from(const report::RunSummary& run, const std::vector<report::ResetTime>& resets, const Past& past,
                 RunRequest request, std::vector<suite::LoadedTest> tests, const Machine& machine,
                 const settings::Settings& settings, core::Duration boot) {
  Basis basis;
  basis.request = std::move(request);
  basis.tests = std::move(tests);
  basis.machine = machine;
  basis.limits = settings.limits;
  basis.timings.cores = machine.cores;
  basis.timings.judges = settings.judges;
  basis.timings.judging = judging(run);
  basis.timings.destroy = destroy_time;
  add_durations(basis, past, run);
  const simulator::ResetTimes recorded = add_resets(basis, resets);
  if (basis.timings.resets.load <= core::Duration{}) basis.request.reset = settings::ResetMethod::boot;
  calibrate(basis, run, recorded);
  if (boot > core::Duration{}) change_times(basis.timings, [&](simulator::ResetTimes& times) { times.boot = boot; });
  return basis;
}

simulator::Forecast forecast(const Basis& basis, unsigned workers, unsigned prefixes) {
  RunRequest request = basis.request;
  request.workers = workers;
  request.prefixes.clear();
  for (unsigned i = 0; i < prefixes; ++i) request.prefixes.push_back("p" + std::to_string(i) + ".");
  // All prefixes share a host's state.
  const auto state_of = [&](const core::Domain& domain) {
    return CleanState{core::SavedStateId{domain.host.value}, !basis.booted.contains(domain.host)};
  };
  const Plan planned = plan(request, basis.tests, {}, basis.limits, basis.machine, state_of);
  return simulator::predict(planned.run, basis.timings);
}

}  // namespace kvmtest::planning
