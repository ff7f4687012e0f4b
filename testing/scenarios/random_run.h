#pragma once
// A run in which everything is random, from one seed: the suite, the machine, the policy, what fails and when, what
// comes from outside, and the order of what happens at the same instant.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "simulator/simulator.h"

namespace kvmtest::scenarios {

struct RandomResult {
  std::vector<std::string> broken;  ///< invariants; empty is good
  simulator::Outcome outcome;
};

/// Called for each event with what the scheduler answered.
using Watch = std::function<void(const core::Event&, const core::Actions&)>;

/// Plays the run of that seed, always the same. `thorough`: see Invariants.
RandomResult play_random(std::uint64_t seed, bool keep_log, const Watch& watch = {}, bool thorough = false);

}  // namespace kvmtest::scenarios
