#pragma once
// One prefix as the scheduler keeps it: its domains, and what its thread of the test pool is doing. Plain state; the
// rules are the scheduler's. Drawn in docs/architecture.md.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "core/domain_entry.h"
#include "core/ids.h"
#include "core/model.h"
#include "core/record.h"

namespace kvmtest::core {

/// A prefix's states.
namespace prefix_state {
struct Idle {};
/// Getting the group of one attempt ready.
struct Preparing {
  AttemptId attempt;
  PlannedTest test;
  Instant since;
  Instant accounted;  ///< up to here the split is right
  record::Split split;
  std::map<Host, unsigned> boot_failures;
};
struct Running {
  AttemptId attempt;
  PlannedTest test;
  Instant since;
  record::Split split;
  std::optional<Issue> host_fault;  ///< one of its domains was lost; the script is being ended
};
/// With Policy::keep_failed: its test has ended, and its domains stay as they are until the verdict.
struct Awaiting {
  AttemptId attempt;
  PlannedTest test;
};
/// The domains of a test that did not pass are left to whoever looks at them, also when the run is over. As soon as
/// they are off, the prefix goes on.
struct Holding {
  PlannedTest test;
};
/// Resting after a host fault.
struct CoolingDown {
  Instant until;
};
/// Out of use for the rest of the run.
struct Quarantined {
  std::string reason;
};
}  // namespace prefix_state
using PrefixState =
    std::variant<prefix_state::Idle, prefix_state::Preparing, prefix_state::Running, prefix_state::Awaiting,
                 prefix_state::Holding, prefix_state::CoolingDown, prefix_state::Quarantined>;

/// Whether the host is in the test's group.
inline bool needs(const PlannedTest& test, const Host& host) {
  return std::find(test.hosts.begin(), test.hosts.end(), host) != test.hosts.end();
}

struct PrefixEntry {
  Prefix prefix;
  PrefixState state;
  std::map<Host, DomainEntry> domains;
  bool in_run = false;  ///< the active run uses it
  unsigned faults = 0;  ///< host faults and failed boots in a row, without a test that ran

  /// The test that its domains are for, if any.
  [[nodiscard]] const PlannedTest* test() const {
    if (const auto* preparing = std::get_if<prefix_state::Preparing>(&state)) return &preparing->test;
    if (const auto* running = std::get_if<prefix_state::Running>(&state)) return &running->test;
    if (const auto* holding = std::get_if<prefix_state::Holding>(&state)) return &holding->test;
    if (const auto* awaiting = std::get_if<prefix_state::Awaiting>(&state)) return &awaiting->test;
    return nullptr;
  }
};

}  // namespace kvmtest::core
