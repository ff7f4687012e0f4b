#pragma once
// One prefix: its domains and what its thread of the test pool is doing. Plain state; the rules are the scheduler's.
// Drawn in docs/architecture.md.

#include <algorithm>
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

/// Whether the variant is in that state.
template <class State>
bool is(const auto& variant) {
  return std::holds_alternative<State>(variant);
}

/// A domain's states. `holds`: the saved state that the running domain can go back to by itself.
namespace domain_state {
struct Off {};
struct Queued {
  Ticket ticket;
  Method method = Method::boot;
  StateId state;  ///< to save or to go back to; with Method::load it is up, and holds it
};
struct Resetting {
  Ticket ticket;
  Method method = Method::boot;
  StateId state;          ///< being saved or gone back to
  bool unwanted = false;  ///< cancelled: whatever comes of it is destroyed
};
struct Ready {
  std::optional<StateId> holds;
};
/// Up, and used since its last reset.
struct Dirty {
  std::optional<StateId> holds;
  bool lent = false;  ///< somebody may be typing into it
};
struct Pausing {
  Ticket ticket;
  std::optional<StateId> holds;  ///< none: it was lost meanwhile
};
/// Up, used or not, and stopped: no test of its prefix needs it now. Only what can go back is worth keeping so.
struct Paused {
  StateId holds;
};
struct Destroying {
  Ticket ticket;
};
}  // namespace domain_state
using DomainState =
    std::variant<domain_state::Off, domain_state::Queued, domain_state::Resetting, domain_state::Ready,
                 domain_state::Dirty, domain_state::Pausing, domain_state::Paused, domain_state::Destroying>;

struct DomainEntry {
  DomainState state;
  unsigned destroy_failures = 0;
  unsigned snapshot_failures = 0;      ///< in this run
  bool boot_next = false;              ///< going back failed: boot before anything else is tried
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
/// With Policy::keep_failed: its test has ended, and its domains stay as they are until the verdict.
struct Awaiting {
  AttemptId attempt;
  PlannedTest test;
  bool released = false;  ///< by the verdict: the next test comes when no domain of this one runs any more
};
/// The domains of a test that did not pass are left to whoever looks at them, also when the run is over. As soon as
/// they are off, the prefix goes on.
struct Keeping {
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
}  // namespace worker_state
using WorkerState =
    std::variant<worker_state::Idle, worker_state::Preparing, worker_state::Running, worker_state::Awaiting,
                 worker_state::Keeping, worker_state::CoolingDown, worker_state::Quarantined>;

/// Whether the host is in the test's group.
inline bool needs(const PlannedTest& test, const Host& host) {
  return std::find(test.hosts.begin(), test.hosts.end(), host) != test.hosts.end();
}

struct TestWorker {
  Prefix prefix;
  WorkerState state;
  std::map<Host, DomainEntry> domains;
  unsigned faults = 0;  ///< host faults and failed boots in a row, without a test that ran

  /// The test that its domains are for, if any.
  [[nodiscard]] const PlannedTest* test() const {
    if (const auto* preparing = std::get_if<worker_state::Preparing>(&state)) return &preparing->test;
    if (const auto* running = std::get_if<worker_state::Running>(&state)) return &running->test;
    if (const auto* keeping = std::get_if<worker_state::Keeping>(&state)) return &keeping->test;
    if (const auto* awaiting = std::get_if<worker_state::Awaiting>(&state); awaiting && !awaiting->released)
      return &awaiting->test;
    return nullptr;
  }
};

}  // namespace kvmtest::core
