#pragma once
// How long a planned run would take, told from past durations: `kvmtest plan`.

#include <map>
#include <vector>

#include "core/ids.h"
#include "core/model.h"
#include "core/time.h"

namespace kvmtest::simulator {

/// What it takes to reset one domain, while cores are free.
struct ResetTimes {
  core::Duration boot{};     ///< start to shell
  core::Duration restore{};  ///< off to its saved state, and the first time that it goes back after a boot
  core::Duration load{};     ///< up to its saved state, by itself or by its spare
};

/// What past runs tell about a suite and the machine it runs on.
struct Timings {
  std::vector<core::Duration> tests;         ///< a test's own commands, by TestIndex
  ResetTimes resets;                         ///< of domains that are not known to take another time
  std::map<core::Host, ResetTimes> of_host;  ///< of those that are
  core::Duration judging{};                  ///< one attempt
  core::Duration destroy{};                  ///< one domain
  unsigned cores = 1;                        ///< resets beyond them slow each other down
  unsigned judges = 2;                       ///< threads
};

struct Forecast {
  core::Duration makespan{};
  ResetTimes resets;         ///< means over all domains, slowed down as they were; 0: none of that kind
  double slots_used = 0;     ///< share of the reboot pool's time spent resetting, 0 to 1
  double prefixes_used = 0;  ///< share of the test pool's time spent in tests, 0 to 1
};

/// Drives the plan in virtual time, without faults. `plan`: at least one slot of either kind and one prefix. Any
/// thread.
Forecast predict(const core::RunPlan& plan, const Timings& timings);

}  // namespace kvmtest::simulator
