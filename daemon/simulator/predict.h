#pragma once
// How long a suite would take, told from past durations: `kvmtest plan`.

#include <map>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/time.h"

namespace kvmtest::simulator {

struct PastTest {
  std::string name;
  std::vector<core::Host> hosts;
  core::Duration test{};  ///< its own commands
  core::Duration judging{};
};

/// What past runs tell about a suite and the machine it runs on.
struct Workload {
  std::vector<PastTest> tests;                   ///< in the order to take them
  core::Duration boot{};                         ///< one domain, start to shell, while cores are free
  std::map<core::Host, core::Duration> boots{};  ///< of hosts known to take another time
  core::Duration go_back{};                      ///< one domain, to its saved state; 0: it is booted each time
  bool states_kept = false;                      ///< saved by an earlier run: nothing is booted
  core::Duration destroy{};                      ///< one domain
  unsigned cores = 1;                            ///< resets beyond them slow each other down
  unsigned judges = 2;
};

struct Forecast {
  core::Duration makespan{};
  double slots_used = 0;     ///< share of the reboot pool's time spent resetting, 0 to 1
  double prefixes_used = 0;  ///< share of the test pool's time spent in tests, 0 to 1
};

/// Runs the suite in virtual time, without faults. `slots` and `prefixes`: at least 1. Any thread.
Forecast predict(const Workload& workload, unsigned slots, unsigned prefixes);

}  // namespace kvmtest::simulator
