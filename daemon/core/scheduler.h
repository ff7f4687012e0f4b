#pragma once
// The scheduler: a pure state machine that decides which domain is reset next, which test runs where, what is tried
// again, and how a run ends. It reads no clock, does no I/O and starts no thread; see docs/architecture.md.
//
// Invariants, checked by testing/scenarios on every run of every test:
//  - at most RunPlan::slots boots, and RunPlan::quick_slots resets without a boot, are under way
//  - with AdmissionRules::starts, domains are started beside one that is only while processors are idle; the same with
//    AdmissionRules::prefixes for those that were in no use yet
//  - a prefix runs at most one test at a time, on domains reset for it and used by nobody since
//  - domains of the prefix that the running test does not need are off, or stand still
//  - all that a test has used stands still, or is off, before the first domain of its prefix goes back: what the test
//    left running must not reach a neighbour that is clean already
//  - a domain goes back only to the state that it is to have, and that was saved
//  - a spare takes its domain's place only when it waits in that state; at most RunPlan::spares domains have one, at
//    most RunPlan::spare_slots are made ready at the same time, and none is begun while a domain is being started
//  - a reset that failed to go back is followed by a boot
//  - with Policy::keep_failed, nothing touches the domains of a test that did not pass but what clients ask for, or a
//    stop that releases them
//  - when Policy::max_fail tests did not pass, no test begins any more; those that run end
//  - every attempt that ran gets exactly one verdict, every test of a finished run exactly one final one
//    (unless the run was stopped), and FinishRun is the last word of a run
//  - an interruption makes no verdict final that had a further attempt before it

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/actions.h"
#include "core/admission.h"
#include "core/events.h"
#include "core/governor.h"
#include "core/memory_ledger.h"
#include "core/model.h"
#include "core/prefix_entry.h"
#include "core/reboot_pool.h"
#include "core/saved_states.h"
#include "core/tickets.h"
#include "core/time.h"

namespace kvmtest::core {

/// Core thread only.
class Scheduler {
 public:
  /// `next_attempt`: the first attempt number not used in this state directory.
  explicit Scheduler(AttemptId next_attempt) : next_attempt_(next_attempt) {}

  /// Takes in what happened at `now` and returns what to do about it, in order. What it costs depends on what the event
  /// changes, not on the number of prefixes.
  Actions handle(const Event& event, Instant now);

  /// When DeadlinePassed is due, if ever.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] bool run_active() const { return run_.has_value(); }
  /// Every prefix that was ever used, for display.
  [[nodiscard]] const std::map<Prefix, PrefixEntry>& prefixes() const { return prefixes_; }
  [[nodiscard]] const RebootPool& pool() const { return pool_; }
  /// Whether a running test's group is to stand still.
  [[nodiscard]] bool frozen(AttemptId attempt) const { return governor_.frozen(attempt); }
  /// Whether the prefix is the run's and waits until it is worth while to take it into use.
  [[nodiscard]] bool in_reserve(const Prefix& prefix) const { return run_ && run_->reserve.contains(prefix); }

 private:
  /// An attempt whose script ended and whose verdict is awaited.
  struct Judging {
    PlannedTest test;
    Prefix prefix;
    Instant since;
    record::Split split;
    unsigned beside = 0;  ///< groups that ran beside it when its script ended
  };
  struct Run {
    explicit Run(RunPlan p)
        : pending(std::move_iterator(p.tests.begin()), std::move_iterator(p.tests.end())), plan(std::move(p)) {
      plan.tests = std::vector<PlannedTest>();
    }
    std::deque<PlannedTest> pending;  ///< front is next
    RunPlan plan;                     ///< without its tests
    std::map<AttemptId, Prefix> running;
    std::map<AttemptId, unsigned> bounded;  ///< of those that run: how many may run beside it
    std::map<AttemptId, Judging> judging;
    std::map<TestIndex, unsigned> host_faults;
    /// Attempts at a test that did not pass for want of processors.
    struct Starved {
      unsigned times = 0;
      std::vector<Issue> issues{};  ///< of the last one
    };
    std::map<TestIndex, Starved> starved;
    std::set<TestIndex> failed;        ///< tests that did not pass, whatever comes of further attempts
    std::set<Prefix> idle;             ///< had nothing to do when they were last looked at
    std::set<Prefix> reserve;          ///< in no use yet
    std::set<Prefix> opening;          ///< taken into use, and their first test has not begun
    bool measured = false;             ///< since the last one was
    std::deque<Prefix> at_door;        ///< their tests' domains are ready, and those that run leave no room
    std::deque<Domain> without_spare;  ///< a test runs on them, and their spares are to be made ready
    enum class Stage { open, stopping, stopping_all } stage = Stage::open;  ///< stopping_all: held domains as well
    bool stays_open = false;  ///< it is stopping because it was interrupted
    bool infrastructure_failed = false;
    bool gave_up = false;  ///< Policy::max_fail was reached
    [[nodiscard]] bool stopping() const { return stage != Stage::open; }
  };
  /// Of all domains' spares.
  struct SpareCount {
    unsigned up = 0;
    unsigned preparing = 0;
  };
  struct Found {
    PrefixEntry& prefix;
    const Host& host;
    DomainEntry& entry;
    [[nodiscard]] Domain domain() const { return {prefix.prefix, host}; }
  };

  void on(const event::RunSubmitted& e, Instant now);
  void on(const event::StopRequested& e, Instant now);
  void on(const event::DomainReset& e, Instant now);
  void on(const event::DomainResetFailed& e, Instant now);
  void on(const event::DomainPaused& e, Instant now);
  void on(const event::DomainPauseFailed& e, Instant now);
  void on(const event::DomainDestroyed& e, Instant now);
  void on(const event::DomainDestroyFailed& e, Instant now);
  void on(const event::DomainLost& e, Instant now);
  void on(const event::SpareStarted& e, Instant now);
  void on(const event::SpareReady& e, Instant now);
  void on(const event::SpareFailed& e, Instant now);
  void on(const event::SpareDiscarded& e, Instant now);
  void on(const event::TestRan& e, Instant now);
  void on(const event::TestAborted& e, Instant now);
  void on(const event::AttemptJudged& e, Instant now);
  void on(const event::LoadMeasured& e, Instant now);
  void on(const event::DomainRequested& e, Instant now);
  void on(const event::DestroyRequested& e, Instant now);
  void on(const event::DeadlinePassed& e, Instant now);

  // Each brings one thing to where it should be by now, and is harmless to call again.
  void advance(Instant now);
  void advance_touched(Instant now);
  void advance(PrefixEntry& prefix, Instant now);
  void advance_in_run(PrefixEntry& prefix, Instant now);
  void take_test(PrefixEntry& prefix, Instant now);
  void prepare(PrefixEntry& prefix, Instant now);
  void begin_test(PrefixEntry& prefix, Instant now);
  void end_running(AttemptId attempt);
  void cancel_test(AttemptId attempt);
  bool bring_to_rest(PrefixEntry& prefix, const PlannedTest& test);
  void serve_requests(PrefixEntry& prefix, Instant now);
  void retire(PrefixEntry& prefix);
  void start_resets(Instant now);
  void start_spares();
  void free_memory(Instant now);
  void give_up_if_nobody_is_left();
  void finish_if_done(Instant now);

  // scheduler_domains.cpp
  void reset(PrefixEntry& prefix, const Host& host, bool quiet, Instant now);
  void go_back(PrefixEntry& prefix, const Host& host, bool quiet, Instant now);
  void submit_reset(PrefixEntry& prefix, const Host& host, Method method, Instant now);
  void pause(PrefixEntry& prefix, const Host& host);
  void destroy(PrefixEntry& prefix, const Host& host);
  void make_off(PrefixEntry& prefix, const Host& host);
  void put_aside(PrefixEntry& prefix, const Host& host);
  void take_back(DomainEntry& entry);
  void reset_failed(const Found& found, const domain_state::Resetting& resetting, const event::DomainResetFailed& e,
                    Instant now);
  void count_snapshot_failure(const Found& found, const std::string& reason);
  void learn(const Found& found, const SavedStateId& state, const event::DomainReset& e, Instant now);
  void lose(const SavedStateId& state, Instant now);
  void end_saving(const SavedStateId& state);
  void set_stuck(PrefixEntry& prefix, const std::vector<Host>& hosts);
  [[nodiscard]] std::optional<SavedStateId> state_of(const Domain& domain, const DomainEntry& entry) const;
  std::optional<Method> method_for(const Domain& domain, const DomainEntry& entry);
  [[nodiscard]] bool worth_pausing(const Domain& domain, const DomainEntry& entry) const;

  // scheduler_spares.cpp
  void want_spares(const Prefix& prefix, const PlannedTest& test);
  void prepare_spare(const Domain& domain, DomainEntry& entry);
  void discard_spare(const Domain& domain, DomainEntry& entry);
  void set_spare(DomainEntry& entry, SpareState spare);
  void count_spare_failure(const Domain& domain, DomainEntry& entry, const std::string& reason);

  // scheduler_memory.cpp
  void update_claim(const PrefixEntry& prefix);
  [[nodiscard]] bool fits(const PrefixEntry& prefix, const PlannedTest& test);
  [[nodiscard]] bool short_of_memory() const;
  [[nodiscard]] bool waits_for_memory();

  // scheduler_room.cpp
  bool enter(PrefixEntry& prefix);
  [[nodiscard]] bool room_for(const PlannedTest& test) const;
  [[nodiscard]] bool one_alone() const;
  PrefixEntry* first_to_enter();
  [[nodiscard]] bool may_start() const;
  [[nodiscard]] bool modest() const;
  bool open_another(Instant now);
  bool room_for_another();
  [[nodiscard]] bool anything_goes_on() const;

  // scheduler_verdicts.cpp
  bool may_reset_again(prefix_state::Preparing& preparing, const Host& host, Fault fault);
  void end_preparing(PrefixEntry& prefix, const Host& host, Fault fault, const std::string& reason, Instant now);
  void boot_failed(PrefixEntry& prefix, const Host& host, const std::string& reason, Instant now);
  bool judged(Judging judging, const event::AttemptJudged& e, bool bad);
  [[nodiscard]] bool starved(const Judging& judging, const event::AttemptJudged& e) const;
  void end_with_host_fault(PrefixEntry& prefix, const std::string& host, const std::string& reason, Instant now);
  void count_fault(PrefixEntry& prefix, const std::string& reason, Instant now);
  bool report(action::ReportVerdict verdict, PlannedTest test);
  void put_back(PlannedTest test, bool first);
  void count_failure(TestIndex test, Verdict verdict);
  [[nodiscard]] bool enough_failed() const;
  void give_up_after_failures(Instant now);
  void give_up(const PlannedTest& test, const std::string& reason);

  // scheduler_held.cpp
  void end_awaiting(PrefixEntry& prefix, AttemptId attempt, bool keep);
  void hold(PrefixEntry& prefix, Instant now);
  void dismiss_clients(PrefixEntry& prefix, const std::string& reason);
  [[nodiscard]] bool held(const PrefixEntry& prefix, const Host& host) const;
  [[nodiscard]] bool holds_on(const PrefixEntry& prefix) const;
  [[nodiscard]] bool for_clients(const PrefixEntry& prefix) const;

  void answer(std::vector<RequestId>& waiting, const std::optional<std::string>& error);
  void touch(PrefixEntry& prefix, Instant now);
  void touch_all(Instant now);
  void touch_idle();
  static void account(PrefixEntry& prefix, Instant now);
  PrefixEntry& entry_of(const Prefix& prefix);
  PrefixEntry* running(AttemptId attempt, Instant now);
  std::optional<Found> find(Ticket ticket, Instant now);
  template <class State>
  std::optional<Found> answered(Ticket ticket, Instant now);
  template <class State>
  std::optional<Found> spare_answered(Ticket ticket, Instant now);

  AttemptId next_attempt_;
  Tickets tickets_;
  RebootPool pool_;
  std::map<Prefix, PrefixEntry> prefixes_;
  std::optional<Run> run_;
  SavedStates states_;
  MemoryLedger memory_;
  SpareCount spares_;
  Governor governor_;
  Admission admission_;
  std::set<Prefix> touched_;                           ///< something about them has changed: advance() looks at them
  std::set<std::pair<Instant, Prefix>> cooling_down_;  ///< until then; some may have ceased to
  Actions out_;                                        ///< being gathered by handle()
};

}  // namespace kvmtest::core
