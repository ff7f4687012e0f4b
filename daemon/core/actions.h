#pragma once
// What the scheduler wants done, in the imperative. Each that names a ticket, attempt or request is answered by one
// event.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/model.h"
#include "core/record.h"
#include "core/verdict.h"

namespace kvmtest::core::action {

/// Bring a domain to a clean, logged-in shell, on a thread of the reboot pool, by that method and no other. It is off,
/// or with Method::load and swap up. Answered by DomainReset or DomainResetFailed.
struct ResetDomain {
  Ticket ticket;
  Domain domain;
  Duration waited{};  ///< it spent in the queue
  Method method = Method::boot;
  AttemptId attempt{};   ///< which it is for; 0: none, a client wants the domain
  SavedStateId state{};  ///< to save, or to go back to
};
/// Hurry a reset to its end; it still answers.
struct CancelReset {
  Ticket ticket;
};
/// Stop the domain's processor. Answered by DomainPaused or DomainPauseFailed.
struct PauseDomain {
  Ticket ticket;
  Domain domain;
};
/// Its spare is destroyed with it, whatever that is doing. Answered by DomainDestroyed or DomainDestroyFailed. A domain
/// that is off already counts as destroyed.
struct DestroyDomain {
  Ticket ticket;
  Domain domain;
};
/// Bring the domain's spare to that state, warm it up and let it wait there, on a thread of the spare pool. `in_place`:
/// it is up and may go back as it is; else it is started anew. Answered by SpareReady or SpareFailed; before that comes
/// SpareStarted, as soon as it is in its state.
struct PrepareSpare {
  Ticket ticket;
  Domain domain;
  SavedStateId state;
  bool in_place = false;
};
/// A reset waits for the spare that is being made ready.
struct HurrySpare {
  Ticket ticket;
  Domain domain;
};
/// Take the spare's power away; what is being done with it is hurried to its end, and still answers. Answered by
/// SpareDiscarded.
struct DiscardSpare {
  Ticket ticket;
  Domain domain;
};
/// Run the script on the prefix's own thread. Answered by TestRan or TestAborted.
struct RunTest {
  AttemptId attempt;
  TestIndex test{};
  Prefix prefix;
  unsigned number = 1;
  Duration ready_after{};
};
/// Let all domains of a running test's group stand still, or go on. What was wanted last counts; neither is answered. A
/// test that comes to its end does not stand still.
struct FreezeGroup {
  AttemptId attempt;
};
struct ThawGroup {
  AttemptId attempt;
};
/// Hurry a test to its end; it still answers.
struct CancelTest {
  AttemptId attempt;
};
/// Answered by AttemptJudged.
struct JudgeTest {
  AttemptId attempt;
  TestIndex test{};
};

struct ReportVerdict {
  AttemptId attempt;
  TestIndex test{};
  Prefix prefix;
  unsigned number = 1;
  Verdict verdict = Verdict::unresolved;
  std::vector<Issue> issues;
  record::Split split;
  bool final = true;
  Verdict test_verdict = Verdict::unresolved;  ///< when final: of the test, whatever this attempt's is
  bool flaky = false;                          ///< when final: the test passed, but not every attempt at it did
  std::vector<record::HostUse> use{};          ///< see record::AttemptJudged
  Duration frozen{};                           ///< see record::AttemptJudged
};
/// There will be no (further) attempt at the test.
struct ReportUntested {
  TestIndex test{};
  std::string reason;
  Verdict verdict = Verdict::untested;  ///< what its attempts came to, where it had any that say something of it
};
/// The test did not pass, and its domains stay as they are until somebody destroys them, the run over or not.
struct ReportHeld {
  TestIndex test{};
  Prefix prefix;
};
/// Nothing is to be done but to tell it.
struct Tell {
  record::Body record;
};
struct AnswerRequest {
  RequestId request;
  std::optional<std::string> error;  ///< none: the domain is as wanted
};
/// Nothing of the run is under way any more, and its domains are gone.
struct FinishRun {
  RunId run;
  /// None: the run was interrupted and is not over.
  std::optional<record::Outcome> outcome = record::Outcome::completed;
};

}  // namespace kvmtest::core::action

namespace kvmtest::core {
using Action =
    std::variant<action::ResetDomain, action::CancelReset, action::PauseDomain, action::DestroyDomain,
                 action::PrepareSpare, action::HurrySpare, action::DiscardSpare, action::RunTest, action::FreezeGroup,
                 action::ThawGroup, action::CancelTest, action::JudgeTest, action::ReportVerdict,
                 action::ReportUntested, action::ReportHeld, action::Tell, action::AnswerRequest, action::FinishRun>;
using Actions = std::vector<Action>;
}  // namespace kvmtest::core
