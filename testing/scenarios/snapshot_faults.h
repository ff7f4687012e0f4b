#pragma once
// Domains whose states are saved, and that may fail to go back to them.

#include <string>
#include <utility>

#include "scenario.h"

namespace kvmtest::scenarios {

class SnapshotFaults : public Scenario {
 protected:
  SnapshotFaults() {
    plan.quick_slots = 4;
    state("a.east", "E");
    state("b.east", "E");
    state("c.east", "E");
    state("a.west", "W");
  }
  static ResetFate fails(std::string reason = "not clean") {
    return {.takes = 1s, .fault = Fault::host, .reason = std::move(reason)};
  }
  static ResetFate loses_the_state() { return {.takes = 1s, .fault = Fault::host, .state_lost = true}; }
};

}  // namespace kvmtest::scenarios
