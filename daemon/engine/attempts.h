#pragma once
// The tests that run: each on its prefix's thread, a script typed at consoles or a program that has them lent; and
// behind it on a judge's thread, which compares, gives the verdict and writes the attempt's files.

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "base/mutex.h"
#include "base/threads.h"
#include "core/actions.h"
#include "engine/active_run.h"
#include "engine/consoles.h"
#include "engine/context.h"
#include "engine/freezer.h"
#include "engine/group_clock.h"
#include "engine/prefix_threads.h"
#include "engine/reboot.h"
#include "engine/test_program.h"
#include "engine/unaware.h"

namespace kvmtest::engine {

class Attempts {
 public:
  /// All of these outlive it.
  Attempts(Context& context, Consoles& consoles, PrefixThreads& threads, Freezer& freezer);
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;
  /// Joins the judges' threads.
  ~Attempts() { judges_.join(); }

  /// Answers with TestRan or TestAborted. The test begins after `writing`, if that is anything. Core thread only; does
  /// not wait.
  void begin(const core::action::RunTest& a, const std::shared_ptr<ActiveRun>& run, std::shared_future<void> writing);
  /// Hurries a test to its end. Any thread.
  void cancel(core::AttemptId attempt);
  /// Answers with AttemptJudged. Any thread; does not wait.
  void judge(const core::action::JudgeTest& a, const std::shared_ptr<ActiveRun>& run);
  /// Called on a judge's thread. Any thread; does not wait.
  void later(std::function<void()> function);

  /// Restarts the domain of a running test, whose console is the caller's: see engine/reboot.h. It may take `limit`, or
  /// as long as a boot, but not beyond `latest`. Any thread; waits. Throws Interrupted.
  Rebooted reboot(const core::Domain& domain, console::Session& session, const std::string& command,
                  std::optional<std::chrono::milliseconds> limit,
                  console::GuestDeadline latest = console::GuestDeadline::max());
  /// Whether its test has it restarted. Any thread.
  bool reboots(const core::Domain& domain);

 private:
  using Aborted = std::optional<core::event::TestAborted>;

  void run(const core::action::RunTest& a, const std::shared_ptr<ActiveRun>& run);
  void find_out(const std::vector<Unaware::Guest>& guests, const Sessions& sessions);
  Aborted run_steps(const core::action::RunTest& a, const ActiveRun& run, Sessions& sessions, GroupClock& clock,
                    std::string problem, ActiveRun::Ran& ran);
  suite::Execution run_script(const core::action::RunTest& a, const suite::Test& test, ScriptLimits limits,
                              GroupClock& clock, const Sessions& sessions);
  bool collect_kernel(const core::action::RunTest& a, const Sessions& sessions,
                      std::chrono::steady_clock::time_point start, const suite::Test& test,
                      suite::Execution& execution);
  judge::Judgement judged(const core::action::JudgeTest& a, ActiveRun& run, GroupClock::Had& had);
  void record_points(core::AttemptId attempt, std::span<const core::Point> points);
  std::shared_ptr<ProgramTicket> ticket_of(core::AttemptId attempt);

  Context& context_;
  Consoles& consoles_;
  PrefixThreads& threads_;
  Freezer& freezer_;
  Unaware unaware_;
  base::Mutex mutex_;
  /// Of tests that run; null: a script.
  std::map<core::AttemptId, std::shared_ptr<ProgramTicket>> programs_ GUARDED_BY(mutex_);
  std::set<core::Domain> rebooting_ GUARDED_BY(mutex_);
  base::Pool judges_;  ///< ends first
};

}  // namespace kvmtest::engine
