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
  core::Duration load{};     ///< up to its saved state, by itself
  core::Duration swap{};     ///< by its spare
};

/// What a test's commands took.
struct TestTime {
  core::Duration took{};     ///< without the time in which its hosts stood still
  core::Duration work{};     ///< processor time of all hosts, summed
  core::Duration starved{};  ///< that they wanted a processor and had none, summed
  unsigned hosts = 1;        ///< at least 1
};

/// What past runs tell about a suite and the machine it runs on.
struct Timings {
  std::vector<TestTime> tests;  ///< by TestIndex
  double together = 0;          ///< part of their work that a test's hosts do at the same time, 0 to 1
  core::Duration besides{};     ///< processor time for each spare that is made ready, beside its going back
  ResetTimes resets;            ///< of domains that are not known to take another time
  std::map<core::Host, ResetTimes> of_host;  ///< of those that are
  core::Duration judging{};                  ///< one attempt
  core::Duration destroy{};                  ///< one domain
  unsigned cores = 1;                        ///< what works beyond them slows all down
  unsigned judges = 2;                       ///< threads
};

struct Forecast {
  core::Duration makespan{};
  ResetTimes resets;         ///< means over all domains, slowed down as they were; 0: none of that kind
  unsigned prefixes = 0;     ///< that had a test
  double stood_still = 0;    ///< share of the tests' time, 0 to 1
  double starved = 0;        ///< the same
  double slots_used = 0;     ///< share of the reboot pool's time spent resetting, 0 to 1
  double prefixes_used = 0;  ///< share of the test pool's time spent in tests, 0 to 1
};

/// Drives the plan in virtual time, without faults. `plan`: at least one slot of either kind and one prefix. Any
/// thread.
Forecast predict(const core::RunPlan& plan, const Timings& timings);

}  // namespace kvmtest::simulator
