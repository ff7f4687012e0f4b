#pragma once
// A simulator's log for people, a line an entry: what happened in the past tense, what the scheduler wants in the
// imperative.

#include <map>
#include <string>
#include <vector>

#include "simulator/simulator.h"

namespace kvmtest::simulator {

/// Tells entries in the order of their log; it remembers the names that later ones only number. One thread.
class Narrator {
 public:
  /// Without the time and the newline.
  std::string line(const Entry& entry);

 private:
  std::string event(const core::event::RunSubmitted& e);
  std::string event(const core::event::StopRequested& e);
  std::string event(const core::event::DomainReset& e);
  std::string event(const core::event::DomainResetFailed& e);
  std::string event(const core::event::DomainPaused& e);
  std::string event(const core::event::DomainPauseFailed& e);
  std::string event(const core::event::DomainDestroyed& e);
  std::string event(const core::event::DomainDestroyFailed& e);
  std::string event(const core::event::DomainLost& e);
  std::string event(const core::event::SpareStarted& e);
  std::string event(const core::event::SpareReady& e);
  std::string event(const core::event::SpareFailed& e);
  std::string event(const core::event::SpareDiscarded& e);
  std::string event(const core::event::TestRan& e);
  std::string event(const core::event::TestAborted& e);
  std::string event(const core::event::AttemptJudged& e);
  std::string event(const core::event::LoadMeasured& e);
  std::string event(const core::event::DomainRequested& e);
  std::string event(const core::event::DestroyRequested& e);
  std::string event(const core::event::DeadlinePassed& e);

  std::string action(const core::action::ResetDomain& a);
  std::string action(const core::action::CancelReset& a);
  std::string action(const core::action::PauseDomain& a);
  std::string action(const core::action::DestroyDomain& a);
  std::string action(const core::action::PrepareSpare& a);
  std::string action(const core::action::HurrySpare& a);
  std::string action(const core::action::DiscardSpare& a);
  std::string action(const core::action::RunTest& a);
  std::string action(const core::action::FreezeGroup& a);
  std::string action(const core::action::ThawGroup& a);
  std::string action(const core::action::CancelTest& a);
  std::string action(const core::action::JudgeTest& a);
  std::string action(const core::action::ReportVerdict& a);
  std::string action(const core::action::ReportUntested& a);
  std::string action(const core::action::ReportHeld& a);
  std::string action(const core::action::Tell& a);
  std::string action(const core::action::AnswerRequest& a);
  std::string action(const core::action::FinishRun& a);

  std::string domain(core::Ticket ticket) const;
  std::string attempt(core::AttemptId attempt) const;
  std::string test(core::TestIndex index) const;

  std::map<core::TestIndex, std::string> tests_;
  std::map<core::Ticket, std::string> domains_;
  std::map<core::AttemptId, std::string> attempts_;
};

/// The whole log, "seconds line" each.
std::string narrate(const std::vector<Entry>& log);

}  // namespace kvmtest::simulator
