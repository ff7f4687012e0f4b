#pragma once
// Drives the scheduler: takes events in, and carries its actions out by handing each to the piece whose it is. All of
// it is the core's thread's, which neither waits nor touches a disk.

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "core/scheduler.h"
#include "engine/active_run.h"
#include "engine/attempts.h"
#include "engine/consoles.h"
#include "engine/context.h"
#include "engine/core_loop.h"
#include "engine/destroyers.h"
#include "engine/freezer.h"
#include "engine/prefix_threads.h"
#include "engine/resets.h"
#include "engine/run_state.h"
#include "engine/sampler.h"
#include "engine/spare_pool.h"

namespace kvmtest::engine {

/// Those who carry actions out.
struct Pieces {
  Consoles& consoles;
  SparePool& spares;
  Resets& resets;
  Destroyers& destroyers;
  PrefixThreads& threads;
  Attempts& attempts;
  Freezer& freezer;
};

/// Core thread only.
class Driver {
 public:
  /// The others outlive it.
  Driver(Context& context, CoreLoop& loop, RunState& run_state, Pieces pieces, core::AttemptId next_attempt);
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  void dispatch(const core::Event& event);
  /// Throws what make_room does.
  void start_run(RunOrder order);
  void stop_run(const std::string& by, bool release);
  void interrupt_run(const std::string& why);
  /// From now on nothing begins.
  void begin_to_end() { ending_ = true; }
  [[nodiscard]] bool ending() const { return ending_; }
  /// Throws Ending; Busy when a run is active, or one of these prefixes holds what a failure left or has a console that
  /// somebody holds.
  void check_free(const std::vector<core::Prefix>& prefixes);
  /// Threads for a run with so many slots of the reboot pool, of both kinds. Throws what check_free does, and
  /// base::NoThread.
  void make_room(const std::vector<core::Prefix>& prefixes, unsigned slots);
  /// The prefixes that keep the domains of a failed test, each with the test's name; also when the run is over.
  [[nodiscard]] std::map<core::Prefix, std::string> held() const;
  using Answer = std::future<std::optional<std::string>>;
  /// Asks for the domain; the answer is the error, or none. Throws Ending.
  Answer request(const core::Domain& domain, bool fresh, unsigned slots, const core::States& states);
  /// Asks for the domain's end.
  Answer request_end(const core::Domain& domain);
  /// Cancels what would be called later, and hurries what is judged.
  void end_timers();

  [[nodiscard]] const core::Scheduler& scheduler() const { return scheduler_; }
  /// Null: none is active.
  [[nodiscard]] const ActiveRun* run() const { return run_.get(); }

 private:
  void perform(const core::action::ResetDomain& a) { pieces_.resets.start(a); }
  void perform(const core::action::CancelReset& a) { pieces_.resets.cancel(a.ticket); }
  void perform(const core::action::PauseDomain& a);
  void perform(const core::action::DestroyDomain& a) { pieces_.destroyers.start(a); }
  void perform(const core::action::PrepareSpare& a) { pieces_.spares.prepare(a); }
  void perform(const core::action::HurrySpare& a) { pieces_.spares.hurry(a); }
  void perform(const core::action::DiscardSpare& a) { pieces_.spares.discard(a); }
  void perform(const core::action::RunTest& a);
  void perform(const core::action::FreezeGroup& a) { pieces_.freezer.set(a.attempt, true); }
  void perform(const core::action::ThawGroup& a) { pieces_.freezer.set(a.attempt, false); }
  void perform(const core::action::CancelTest& a) { pieces_.attempts.cancel(a.attempt); }
  void perform(const core::action::JudgeTest& a) { pieces_.attempts.judge(a, run_); }
  void perform(const core::action::ReportVerdict& a);
  void perform(const core::action::ReportUntested& a);
  void perform(const core::action::ReportHeld& a);
  void perform(const core::action::Tell& a) { context_.record(a.record); }
  void perform(const core::action::AnswerRequest& a);
  void perform(const core::action::FinishRun& a);

  void tell_of_missed(const core::action::ReportVerdict& a, core::record::AttemptJudged judged);
  void finish();
  void arm_deadline();
  void arm_sampler();
  Answer ask(core::RequestId id, const core::Event& event);

  struct Requests {
    std::uint64_t last = 0;
    std::map<core::RequestId, std::promise<std::optional<std::string>>> waiting{};
  };
  struct Sampling {
    boost::asio::steady_timer timer;
    Sampler sampler{};
  };

  Context& context_;
  CoreLoop& loop_;
  RunState& run_state_;
  const Pieces pieces_;
  boost::asio::steady_timer deadline_timer_;
  Sampling sampling_;
  core::Scheduler scheduler_;
  std::shared_ptr<ActiveRun> run_;
  Requests requests_;
  bool ending_ = false;
};

}  // namespace kvmtest::engine
