#pragma once
// What the scheduler is told, in the past tense. Every result carries the ticket or attempt it answers; the scheduler
// ignores one it no longer waits for.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/load.h"
#include "core/model.h"
#include "core/record.h"
#include "core/verdict.h"

namespace kvmtest::core::event {

/// `stuck`: domains that are up, and whose console does not wait at its prompt.
struct RunSubmitted {
  RunPlan plan;
  std::vector<Domain> stuck{};
};
struct StopRequested {
  bool release = true;      ///< domains that failed tests left as they are go as well
  bool stays_open = false;  ///< nobody wants the run stopped: whoever drives it ends, and another goes on with it
};

/// The domain has a clean, logged-in shell.
struct DomainReset {
  Ticket ticket;
  bool saved = false;       ///< its state is kept now; after Method::boot_and_save
  std::string not_saved{};  ///< why it is not
  bool in_place = true;     ///< while it runs it can go back to the state that it has been brought to or that was saved
};
struct DomainResetFailed {
  Ticket ticket;
  Fault fault = Fault::host;
  std::string reason;
  bool state_lost = false;  ///< what was kept of its state is of no use; after Method::restore or load
  Duration total{};         ///< it took
};
struct DomainPaused {
  Ticket ticket;
};
struct DomainPauseFailed {
  Ticket ticket;
  std::string reason;
};
struct DomainDestroyed {
  Ticket ticket;
};
struct DomainDestroyFailed {
  Ticket ticket;
  std::string reason;
};
/// A domain ended by itself, whatever it was doing.
struct DomainLost {
  Domain domain;
  Fault fault = Fault::host;
  std::string reason;
};

/// The spare is in its state and only has to warm up: to wait for it takes no longer than to go back in place.
struct SpareStarted {
  Ticket ticket;
};
/// It stands still in its state.
struct SpareReady {
  Ticket ticket;
};
/// There is none any more.
struct SpareFailed {
  Ticket ticket;
  std::string reason;
};
struct SpareDiscarded {
  Ticket ticket;
};

/// The script came to an end, its own or a time limit's: there is something to judge. `stuck`: hosts whose console does
/// not wait at its prompt. What was typed and not read there would be read by the guest that went back in its place.
struct TestRan {
  AttemptId attempt;
  std::vector<Host> stuck{};
};
/// A host fault or a cancellation ended it: nothing to judge.
struct TestAborted {
  AttemptId attempt;
  std::string host;  ///< where the host fault showed
  std::string reason;
  std::vector<Host> stuck{};  ///< as in TestRan
};
struct AttemptJudged {
  AttemptId attempt;
  Verdict verdict = Verdict::unresolved;
  std::vector<Issue> issues;
  std::vector<record::HostUse> use{};
  Duration frozen{};  ///< its group stood still, of the time that its script took
};

/// What the groups of running tests had of the processors. While tests run, several times a second.
struct LoadMeasured {
  Load load;
};

/// A client wants this domain up, outside any run (kvmsh, doctor).
struct DomainRequested {
  RequestId request;
  Domain domain;
  bool fresh = false;  ///< reset it even when it is up
  unsigned slots = 1;  ///< of the reboot pool while no run sets them
  States states{};     ///< of this domain
  bool stuck = false;  ///< it is up, and its console does not wait at its prompt, or somebody uses it
};
/// A client wants this domain gone.
struct DestroyRequested {
  RequestId request;
  Domain domain;
};

/// The instant named by Scheduler::next_deadline has come.
struct DeadlinePassed {};

}  // namespace kvmtest::core::event

namespace kvmtest::core {
using Event =
    std::variant<event::RunSubmitted, event::StopRequested, event::DomainReset, event::DomainResetFailed,
                 event::DomainPaused, event::DomainPauseFailed, event::DomainDestroyed, event::DomainDestroyFailed,
                 event::DomainLost, event::SpareStarted, event::SpareReady, event::SpareFailed, event::SpareDiscarded,
                 event::TestRan, event::TestAborted, event::AttemptJudged, event::LoadMeasured, event::DomainRequested,
                 event::DestroyRequested, event::DeadlinePassed>;
}  // namespace kvmtest::core
