#pragma once
// How long a run would take with other workers and prefixes: planned as the daemon plans it, with the times that a past
// run took, and driven in virtual time. Pure; any thread.

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "planning/choice.h"
#include "planning/plan.h"
#include "planning/request.h"
#include "report/run_summary.h"
#include "settings/settings.h"
#include "simulator/predict.h"
#include "suite/format.h"

namespace kvmtest::planning {

/// What forecasts are made from.
struct Basis {
  RunRequest request;                    ///< its workers and prefixes do not matter
  std::vector<suite::LoadedTest> tests;  ///< in the run's order; those that cannot run do not count
  simulator::Timings timings;            ///< of `tests`, by their place
  Machine machine;                       ///< that the run is planned for
  settings::Settings::Limits limits;     ///< see plan()
  settings::Settings::Load load;         ///< how its tests share the processors
  std::set<core::Host> booted;           ///< no state of these is there before the run
  std::size_t unknown = 0;               ///< of the tests that can run, those that count as the median of the others

  /// How many tests can run.
  [[nodiscard]] std::size_t runnable() const;
};

/// What the past run tells: how long resets took, by host and way, and what was booted and so had no state kept;
/// whether domains went back at all. `resets`: of that run. A test works and rests as in its last attempt in this run,
/// without what it was starved or stood still for. Where that is not known, it takes as long as in all runs where it
/// passed or failed (`past`), and works for the part of it that others do. `boot`: what a boot takes instead; 0: as in
/// the run. `request` says the rest, as do the settings. `machine`: which the run was made on.
Basis basis_from(const report::RunSummary& run, const std::vector<report::ResetTime>& resets, const Past& past,
                 RunRequest request, std::vector<suite::LoadedTest> tests, const Machine& machine,
                 const settings::Settings& settings, core::Duration boot);

/// At least 1; none: as the load bears.
struct Numbers {
  std::optional<unsigned> workers;
  std::optional<unsigned> prefixes;
};
simulator::Forecast forecast(const Basis& basis, const Numbers& numbers);

}  // namespace kvmtest::planning
