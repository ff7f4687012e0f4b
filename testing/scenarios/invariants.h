#pragma once
// What must hold at every step of every run, whatever goes wrong (docs/style.md, rule 11). It keeps its own books from
// the events and actions alone and compares; it trusts nothing the scheduler keeps.

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/actions.h"
#include "core/events.h"
#include "core/scheduler.h"

namespace kvmtest::scenarios {

/// One thread.
class Invariants {
 public:
  /// `thorough`: also looks, after each event, whether the scheduler has forgotten to do something. That is slow.
  explicit Invariants(bool thorough = false) : thorough_(thorough) {}

  /// To be called after each event, with what the scheduler answered.
  void see(core::Instant now, const core::Event& event, const core::Actions& actions, const core::Scheduler& scheduler);
  /// To be called when nothing is to come any more.
  void end();

  /// One line each; empty when all held.
  [[nodiscard]] const std::vector<std::string>& broken() const { return broken_; }

 private:
  enum class Power { off, resetting, clean, used, pausing, paused, destroying };
  enum class Spare { none, left, preparing, ready, ending };
  struct Machine {
    Power power = Power::off;
    bool lent = false;                          ///< up for a client
    bool loose = false;                         ///< may still do what a test left running
    std::optional<core::SavedStateId> holds{};  ///< can go back to it while it runs
    unsigned destroy_failures = 0;
    Spare spare = Spare::none;
    std::optional<core::Ticket> spare_job{};
    std::optional<core::SavedStateId> spare_state{};  ///< that it is in, or will be
  };
  struct Reset {
    core::Domain domain;
    core::Method method = core::Method::boot;
    core::SavedStateId state{};
    bool cancelled = false;
  };
  struct Attempt {
    core::TestIndex test;
    core::Prefix prefix;
    unsigned number = 1;
    core::Instant began{};
    core::Duration ready_after{};
    std::optional<core::Instant> ended{};
    std::optional<core::Instant> judged{};
    core::Verdict verdict = core::Verdict::untested;  ///< the judge's
    bool to_judge = false;
    bool reported = false;
    bool cancelled = false;
    bool host_fault = false;
    bool starved = false;               ///< for longer than the policy bears
    std::vector<core::Issue> issues{};  ///< the judge's
    unsigned beside = 0;                ///< tests that ran when its script ended
    bool exempt = true;                 ///< it may not stand still, as the last measurement told
    std::optional<core::Instant> frozen_since{};
  };
  struct Test {
    core::PlannedTest plan;
    unsigned attempts = 0;  ///< reported, or under way
    unsigned faults = 0;    ///< host faults that were retried, since the last attempt that counts
    core::SoFar so_far{};
    unsigned starved = 0;               ///< attempts that were tried again for that
    std::vector<core::Issue> issues{};  ///< of the last of those
    std::optional<unsigned> beside{};   ///< how many may run beside the next attempt
    bool busy = false;                  ///< an attempt runs or is being judged
    bool decided = false;
  };
  struct Run {
    core::RunPlan plan;
    std::map<core::TestIndex, Test> tests;
    std::map<core::AttemptId, Attempt> attempts;
    std::set<core::Prefix> out_of_use;
    std::set<core::TestIndex> failed;               ///< did not pass, whatever may follow
    bool release = true;                            ///< a stop's, of what is kept
    std::map<core::Prefix, core::Instant> resting;  ///< until then
    unsigned submitted = 0;
    bool stopping = false;
    bool stays_open = false;  ///< it is stopping because it was interrupted
    bool untested = false;
    std::set<core::Prefix> reserve;  ///< in no use yet
    std::deque<double> idle{};       ///< processors, in the last measurements
    bool crowded = false;            ///< the load average is beyond the bound
    [[nodiscard]] bool was_idle() const {
      return std::any_of(idle.begin(), idle.end(), [](double each) { return each > 0; });
    }
  };

  struct Pool {
    unsigned slots = 1;
    unsigned quick_slots = 1;
    core::Ticket last_started[3]{};  ///< of those that are up, off, and to be booted
  };
  struct Jobs {
    std::map<core::Ticket, Reset> resets;           ///< under way
    std::map<core::Ticket, core::Domain> queued;    ///< announced, not begun; may have been withdrawn
    std::map<core::Ticket, core::Domain> destroys;  ///< under way
    std::map<core::Ticket, core::Domain> pauses;    ///< under way
    core::Ticket last_ticket{};
  };
  struct States {
    std::map<core::Domain, core::SavedStateId> of;  ///< that each is to have
    std::set<core::SavedStateId> kept;
    std::set<core::Domain> boot_next;           ///< going back failed
    std::map<core::Domain, unsigned> failures;  ///< in this run
  };
  /// What failed tests left.
  struct Held {
    std::map<core::Prefix, std::set<core::Host>> hosts;  ///< that stay as they are
    std::set<core::Prefix> next;                         ///< whose test has just failed
    std::set<core::Domain> lost;                         ///< of those that are held
  };
  struct Requests {
    std::map<core::RequestId, core::Domain> open;  ///< not answered
    std::set<core::RequestId> for_destruction;
  };
  struct History {
    core::AttemptId last_attempt{};
    std::set<core::AttemptId> finished_attempts;
    unsigned submitted = 0;  ///< runs
    unsigned finished = 0;   ///< runs
  };

  [[nodiscard]] bool enough_failed() const;
  void happened(const core::event::RunSubmitted& e);
  void happened(const core::event::StopRequested& e);
  void happened(const core::event::DomainReset& e);
  void happened(const core::event::DomainResetFailed& e);
  void happened(const core::event::DomainPaused& e);
  void happened(const core::event::DomainPauseFailed& e);
  void happened(const core::event::DomainDestroyed& e);
  void happened(const core::event::DomainDestroyFailed& e);
  void happened(const core::event::DomainLost& e);
  void happened(const core::event::SpareStarted&) {}
  void happened(const core::event::SpareReady& e);
  void happened(const core::event::SpareFailed& e);
  void happened(const core::event::SpareDiscarded& e);
  void happened(const core::event::TestRan& e);
  void happened(const core::event::TestAborted& e);
  void happened(const core::event::AttemptJudged& e);
  void happened(const core::event::LoadMeasured& e);
  void happened(const core::event::DomainRequested& e);
  void happened(const core::event::DestroyRequested& e);
  void happened(const core::event::DeadlinePassed&) {}

  void wanted(const core::action::ResetDomain& a);
  void wanted(const core::action::CancelReset& a);
  void wanted(const core::action::PauseDomain& a);
  void wanted(const core::action::DestroyDomain& a);
  void wanted(const core::action::PrepareSpare& a);
  void wanted(const core::action::HurrySpare& a);
  void wanted(const core::action::DiscardSpare& a);
  void wanted(const core::action::RunTest& a);
  void wanted(const core::action::FreezeGroup& a);
  void wanted(const core::action::ThawGroup& a);
  void wanted(const core::action::CancelTest& a);
  void wanted(const core::action::JudgeTest& a);
  void wanted(const core::action::ReportVerdict& a);
  void wanted(const core::action::ReportUntested& a);
  void wanted(const core::action::ReportHeld& a);
  void wanted(const core::action::Tell& a);
  void wanted(const core::action::AnswerRequest& a);
  void wanted(const core::action::FinishRun& a);

  void told(const core::record::ResetQueued& queued);
  void told(const core::record::ResetFailed& failed);
  void told(const core::record::SnapshotsGivenUp& given_up);
  void told(const core::record::PrefixQuarantined& quarantined);
  void told(const core::record::Notice&) {}
  template <class Record>
  void told(const Record&) {
    expect(false, "the scheduler tells nothing else");
  }
  void check_spare(const core::action::PrepareSpare& a);
  void check_quiet(const core::action::ResetDomain& a);
  void check_nothing_is_left(const core::Scheduler& scheduler);
  Machine* with_spare_job(core::Ticket ticket);
  void set_stuck(const Attempt& attempt, const std::vector<core::Host>& stuck);
  void reset_ended(core::Ticket ticket, Power power);
  void check_repetition(const core::action::ReportVerdict& a, Test& test);
  void check_room(const core::action::RunTest& a, const Test& test);
  void check_start(const core::action::ResetDomain& a);
  bool check_starved(const core::action::ReportVerdict& a, Test& test);
  void check_frozen(const core::event::LoadMeasured& e);
  [[nodiscard]] std::vector<Attempt*> running_tests();
  [[nodiscard]] bool one_alone();
  void check_stopped(const core::Actions& actions);
  void check_pool(const core::Scheduler& scheduler);
  void check_reserve(const core::Scheduler& scheduler);
  [[nodiscard]] bool any_starts() const;
  void check_method(const core::action::ResetDomain& a);
  void check_memory(const core::Domain& domain);
  [[nodiscard]] unsigned under_way(bool boots) const;
  [[nodiscard]] bool in_run(const core::Prefix& prefix) const;
  void let_go();
  [[nodiscard]] bool of_client(const core::Prefix& prefix) const;
  void check_untouched(const core::Domain& domain);
  [[nodiscard]] Attempt* running_on(const core::Prefix& prefix);
  Attempt* running(core::AttemptId attempt);
  void expect(bool holds, const std::string& rule);

  bool thorough_;
  core::Instant now_{};
  Pool pool_;
  Jobs jobs_;
  std::map<core::Domain, Machine> machines_;
  States states_;
  Held held_;
  Requests requests_;
  std::optional<Run> run_;
  History history_;
  std::vector<std::string> broken_;
};

}  // namespace kvmtest::scenarios
