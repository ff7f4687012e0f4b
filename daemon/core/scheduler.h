#pragma once
// The scheduler: a pure state machine that decides which domain is reset next, which test runs where, what is tried
// again, and how a run ends. It reads no clock, does no I/O and starts no thread; see docs/architecture.md.
//
// Invariants, checked by testing/scenarios on every run of every test:
//  - at most RunPlan::slots boots, and RunPlan::quick_slots resets without a boot, are under way
//  - a prefix runs at most one test at a time, on domains reset for it and used by nobody since
//  - domains of the prefix that the running test does not need are off, or paused
//  - a domain goes back only to the state that it is to have, and that was saved
//  - a reset that failed to go back is followed by a boot
//  - with Policy::keep_failed, nothing touches the domains of a test that did not pass but what clients ask for, or a
//    stop that releases them
//  - when Policy::max_fail tests did not pass, no test begins any more; those that run end
//  - every attempt that ran gets exactly one verdict, every test of a finished run exactly one final one
//    (unless the run was stopped), and FinishRun is the last word of a run

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/actions.h"
#include "core/events.h"
#include "core/model.h"
#include "core/reboot_pool.h"
#include "core/test_worker.h"
#include "core/time.h"

namespace kvmtest::core {

/// Core thread only.
class Scheduler {
 public:
  /// `next_attempt`: the first attempt number not used in this state directory.
  explicit Scheduler(AttemptId next_attempt) : next_attempt_(next_attempt) {}

  /// Takes in what happened at `now` and returns what to do about it, in order.
  Actions handle(const Event& event, Instant now);

  /// When DeadlinePassed is due, if ever.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] bool run_active() const { return run_.has_value(); }
  /// Every prefix that was ever used, for display.
  [[nodiscard]] const std::map<Prefix, TestWorker>& workers() const { return workers_; }
  [[nodiscard]] const RebootPool& pool() const { return pool_; }

 private:
  /// An attempt whose script ended and whose verdict is awaited.
  struct Judging {
    PlannedTest test;
    Prefix prefix;
    Instant since;
    record::Split split;
  };
  struct Run {
    explicit Run(const RunPlan& p) : plan(p), pending(p.tests.begin(), p.tests.end()) {}
    RunPlan plan;
    std::deque<PlannedTest> pending;  ///< front is next
    std::map<AttemptId, Judging> judging;
    std::map<TestIndex, unsigned> host_faults;
    std::set<TestIndex> failed;  ///< tests that did not pass, whatever comes of further attempts
    bool stopping = false;
    bool release = true;  ///< when stopping: kept domains as well
    bool infrastructure_failed = false;
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
  void on(const event::TestRan& e, Instant now);
  void on(const event::TestAborted& e, Instant now);
  void on(const event::AttemptJudged& e, Instant now);
  void on(const event::DomainRequested& e, Instant now);
  void on(const event::DestroyRequested& e, Instant now);
  void on(const event::DeadlinePassed& e, Instant now);

  // Each brings one thing to where it should be by now, and is harmless to call again.
  void advance(Instant now);
  void advance_workers(Instant now);
  void advance_worker(TestWorker& worker, Instant now);
  void end_awaiting(TestWorker& worker, AttemptId attempt, bool keep);
  void settle_awaiting(TestWorker& worker);
  void keep(TestWorker& worker, Instant now);
  void dismiss_clients(TestWorker& worker, const std::string& reason);
  void take_test(TestWorker& worker, Instant now);
  void prepare(TestWorker& worker, Instant now);
  void serve_requests(TestWorker& worker, Instant now);
  void retire(TestWorker& worker);
  void start_resets(Instant now);
  void give_up_if_nobody_is_left();
  void give_up_after_failures();
  void give_up(const PlannedTest& test, const std::string& reason);
  void finish_if_done();

  void reset(TestWorker& worker, const Host& host, Instant now);
  void submit_reset(TestWorker& worker, const Host& host, Method method, Instant now);
  void destroy(TestWorker& worker, const Host& host);
  void make_off(TestWorker& worker, const Host& host);
  void put_aside(TestWorker& worker, const Host& host);
  void take_back(DomainEntry& entry);
  void count_snapshot_failure(TestWorker& worker, const Host& host, const std::string& reason);
  bool may_reset_again(worker_state::Preparing& preparing, const Host& host, Fault fault);
  void end_preparing(TestWorker& worker, const Host& host, Fault fault, const std::string& reason, Instant now);
  bool report(action::ReportVerdict verdict, PlannedTest test);
  void count_failure(TestIndex test, Verdict verdict);
  [[nodiscard]] bool enough_failed() const;
  void boot_failed(TestWorker& worker, const Host& host, const std::string& reason, Instant now);
  void end_with_host_fault(TestWorker& worker, const std::string& host, const std::string& reason, Instant now);
  void count_fault(TestWorker& worker, const std::string& reason, Instant now);
  void account(Instant now);
  void answer(std::vector<RequestId>& waiting, const std::optional<std::string>& error);
  void free_memory();

  [[nodiscard]] std::optional<StateId> state_of(const Domain& domain, const DomainEntry& entry) const;
  [[nodiscard]] std::optional<Method> method_for(const Domain& domain, const DomainEntry& entry) const;
  [[nodiscard]] bool being_saved(const StateId& state) const;
  [[nodiscard]] bool fits(const TestWorker& worker, const PlannedTest& test) const;
  [[nodiscard]] std::uint64_t claimed(const TestWorker& worker, bool with_spare) const;
  [[nodiscard]] std::uint64_t claimed() const;
  [[nodiscard]] bool waits_for_memory() const;
  [[nodiscard]] bool in_run(const TestWorker& worker) const;
  [[nodiscard]] bool for_clients(const TestWorker& worker) const;
  [[nodiscard]] bool kept(const TestWorker& worker, const Host& host) const;
  [[nodiscard]] bool keeps_on(const TestWorker& worker) const;
  TestWorker& worker_of(const Prefix& prefix);
  struct Found {
    TestWorker* worker;
    const Host* host;
    DomainEntry* entry;
    [[nodiscard]] Domain domain() const { return {worker->prefix, *host}; }
  };
  template <class State>
  std::optional<Found> find(Ticket ticket);
  Ticket new_ticket() { return Ticket{++last_ticket_}; }

  AttemptId next_attempt_;
  std::uint64_t last_ticket_ = 0;
  RebootPool pool_;
  std::map<Prefix, TestWorker> workers_;
  std::optional<Run> run_;
  States states_;                  ///< as last told, and what was saved since
  std::set<StateId> not_savable_;  ///< a domain failed to save it: nobody waits for another one to do so
  bool withdrawn_ = false;         ///< a queued reset was taken back: others may have waited for what it would save
  Actions out_;                    ///< being gathered by handle()
};

}  // namespace kvmtest::core
