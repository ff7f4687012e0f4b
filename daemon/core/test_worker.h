#pragma once
// One prefix: its domains and what its thread of the test pool is doing. Plain state; the rules are the scheduler's.
// Drawn in docs/architecture.md.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/model.h"
#include "core/record.h"

namespace kvmtest::core {

/// A domain's states. Dirty is everything that must be destroyed before it can be reset.
namespace domain_state {
struct Off {};
struct Queued {
  Ticket ticket;
};
struct Resetting {
  Ticket ticket;
  bool unwanted = false;  ///< cancelled: whatever comes of it is destroyed
};
struct Ready {};
struct Dirty {
  bool lent = false;  ///< it is up, and somebody may be typing into it
};
struct Destroying {
  Ticket ticket;
};
}  // namespace domain_state
using DomainState = std::variant<domain_state::Off, domain_state::Queued, domain_state::Resetting, domain_state::Ready,
                                 domain_state::Dirty, domain_state::Destroying>;

struct DomainEntry {
  DomainState state;
  unsigned destroy_failures = 0;
  std::vector<RequestId> wanted_by;    ///< clients waiting for it to be up
  std::vector<RequestId> unwanted_by;  ///< clients waiting for it to be gone
};

/// A worker's states.
namespace worker_state {
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
/// Resting after a host fault.
struct CoolingDown {
  Instant until;
};
/// Out of use for the rest of the run.
struct Quarantined {
  std::string reason;
};
}  // namespace worker_state
using WorkerState = std::variant<worker_state::Idle, worker_state::Preparing, worker_state::Running,
                                 worker_state::CoolingDown, worker_state::Quarantined>;

struct TestWorker {
  Prefix prefix;
  WorkerState state;
  std::map<Host, DomainEntry> domains;
  unsigned faults = 0;  ///< host faults and failed boots in a row, without a test that ran
};

}  // namespace kvmtest::core
