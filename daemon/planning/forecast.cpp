#include "planning/forecast.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace kvmtest::planning {

namespace {

using simulator::TestTime;

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
  Mean swap;

  void add(const report::ResetTime& time) {
    Mean& way = time.method == "boot" ? boot : time.method == "restore" ? restore : time.method == "swap" ? swap : load;
    way.add(time.mean, time.count);
  }
  /// What is not known is as in `others`; going back in one way is as in the nearest other one.
  [[nodiscard]] simulator::ResetTimes times(const simulator::ResetTimes& others) const {
    simulator::ResetTimes out = others;
    if (boot.count > 0) out.boot = boot.value();
    if (restore.count > 0) out.restore = restore.value();
    if (load.count > 0) out.load = load.value();
    if (swap.count > 0) out.swap = swap.value();
    const auto fill = [](core::Duration& time, core::Duration one, core::Duration other) {
      if (time == core::Duration{}) time = one == core::Duration{} ? other : one;
    };
    // Where spares were always there in time, what they do meanwhile is between the two that are known.
    if (out.load == core::Duration{} && out.swap.count() > 0 && out.restore.count() > 0)
      out.load = core::Duration(
          std::llround(std::sqrt(static_cast<double>(out.swap.count()) * static_cast<double>(out.restore.count()))));
    fill(out.load, out.restore, out.swap);
    fill(out.restore, out.load, out.swap);
    fill(out.swap, out.load, out.restore);
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
  return {all.boot.value(), all.restore.value(), all.load.value(), all.swap.value()};
}

/// Applies `change` to the times of all hosts.
template <class Change>
void change_times(simulator::Timings& timings, Change change) {
  change(timings.resets);
  for (auto& [host, times] : timings.of_host) change(times);
}

/// A run's numbers.
Numbers numbers_of(const Basis& basis, const report::RunSummary& run) {
  Numbers numbers;
  if (!basis.request.automatic.workers) numbers.workers = std::max(1U, run.workers);
  if (!basis.request.automatic.prefixes)
    numbers.prefixes = static_cast<unsigned>(std::max<std::size_t>(1, run.prefixes.size()));
  return numbers;
}

/// Resets of the run that were under way together, or beside tests, were slowed down, and the simulator does that once
/// more. So the times without it are looked for: those with which a run of the same workers and prefixes has the times
/// that were recorded. Returns the makespan that such a run has then.
core::Duration calibrate_resets(Basis& basis, const Numbers& numbers, const simulator::ResetTimes& recorded) {
  using Times = simulator::ResetTimes;
  constexpr int rounds = 5;
  for (int round = 0; round < rounds; ++round) {
    const Times told = forecast(basis, numbers).resets;
    for (const auto kind : {&Times::boot, &Times::restore, &Times::load, &Times::swap})
      if (told.*kind > core::Duration{} && recorded.*kind > core::Duration{})
        change_times(basis.timings, [&](Times& times) {
          times.*kind = times.*kind * (recorded.*kind).count() / (told.*kind).count();
        });
  }
  return forecast(basis, numbers).makespan;
}

/// Looks for the number from 0 to `most` with which `makespan` is as long as `wanted`, or almost; `most` where it never
/// is.
template <class Makespan>
double look_for(double most, core::Duration wanted, Makespan makespan) {
  constexpr int steps = 7;
  if (makespan(most) <= wanted) return most;
  double least = 0;
  for (int step = 0; step < steps; ++step) {
    const double middle = (least + most) / 2;
    (makespan(middle) > wanted ? most : least) = middle;
  }
  return least;
}

/// Two things are on no record, and the more of them there is, the more tests are in each other's way: what the
/// machine does besides for each spare, and how much of their work a test's hosts do at the same time. So they are
/// looked for with which a run of the same numbers takes as long as it took.
void calibrate(Basis& basis, const report::RunSummary& run, const simulator::ResetTimes& recorded) {
  const Numbers numbers = numbers_of(basis, run);
  const simulator::Timings plain = basis.timings;
  const auto makespan = [&](double besides, double together) {
    basis.timings = plain;
    basis.timings.besides = std::chrono::duration_cast<core::Duration>(std::chrono::duration<double>(besides));
    basis.timings.together = together;
    return calibrate_resets(basis, numbers, recorded);
  };
  const bool whole =
      run.outcome == core::record::Outcome::completed && basis.unknown == 0 && run.tests.size() == basis.tests.size();
  if (makespan(0, 0) >= run.makespan || !whole) return;
  constexpr double most_besides = 0.5;  // s
  const double besides = look_for(most_besides, run.makespan, [&](double value) { return makespan(value, 0); });
  const double together =
      besides < most_besides ? 0 : look_for(1, run.makespan, [&](double value) { return makespan(besides, value); });
  makespan(besides, together);
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

/// What an attempt took; work and starving where they are known.
TestTime time_of(const report::Attempt& attempt) {
  TestTime time{.took = attempt.own_time()};
  for (const core::record::HostUse& use : attempt.use) {
    time.work += use.used;
    time.starved += use.starved;
  }
  time.hosts = std::max(1U, static_cast<unsigned>(attempt.use.size()));
  return time;
}

/// How much processor time tests want for each second that they take, all of these together.
double work_a_second(const std::map<std::string, TestTime>& known) {
  TestTime all;
  for (const auto& [name, time] : known) {
    if (time.work == core::Duration{}) continue;
    all.work += time.work;
    all.took += time.took - time.starved / time.hosts;
  }
  return all.took.count() > 0 ? core::seconds(all.work) / core::seconds(all.took) : 0;
}

void add_durations(Basis& basis, const Past& past, const report::RunSummary& run) {
  std::map<std::string, TestTime> known;
  for (const auto& test : run.tests)
    if (!test.attempts.empty() && test.attempts.back().started) known.emplace(test.name, time_of(test.attempts.back()));
  const double work = work_a_second(known);
  for (const auto& [name, took] : past.durations)
    if (const auto found = known.find(name); found == known.end() || found->second.work == core::Duration{})
      known[name] = {.took = took, .work = std::chrono::duration_cast<core::Duration>(took * work)};
  std::vector<core::Duration> times;
  for (const auto& loaded : basis.tests)
    if (const auto found = known.find(loaded.test.name); found != known.end()) times.push_back(found->second.took);
  const core::Duration usual = median(std::move(times));
  for (const auto& loaded : basis.tests) {
    const auto found = known.find(loaded.test.name);
    const bool is_known = found != known.end();
    basis.timings.tests.push_back(
        is_known ? found->second
                 : TestTime{.took = usual, .work = std::chrono::duration_cast<core::Duration>(usual * work)});
    if (!is_known && loaded.test.obstacle.empty()) ++basis.unknown;
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
  basis.load = settings.load;
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

simulator::Forecast forecast(const Basis& basis, const Numbers& numbers) {
  RunRequest request = basis.request;
  const unsigned cores = std::max(1U, basis.timings.cores);
  request.automatic = {.workers = !numbers.workers, .prefixes = !numbers.prefixes};
  request.workers = numbers.workers.value_or(settings::most_automatic_workers(cores));
  const unsigned prefixes = numbers.prefixes.value_or(settings::most_automatic_prefixes(cores));
  request.prefixes.clear();
  for (unsigned i = 0; i < prefixes; ++i) request.prefixes.push_back("p" + std::to_string(i) + ".");
  if (!numbers.prefixes) request.prefixes.resize(useful_prefixes(request, basis.tests, basis.machine));
  // All prefixes share a host's state.
  const auto state_of = [&](const core::Domain& domain) {
    return CleanState{core::SavedStateId{domain.host.value}, !basis.booted.contains(domain.host)};
  };
  Plan planned = plan(request, basis.tests, {}, basis.limits, basis.machine, state_of);
  set_sharing(planned.run, basis.load);
  return simulator::predict(planned.run, basis.timings);
}

}  // namespace kvmtest::planning
