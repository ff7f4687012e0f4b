#pragma once
// Drives the scheduler: one thread owns it, takes events in and carries actions out to the pools, whose threads post
// what came of them back as events. Everything that happened leaves as records.
//
//   reboot pool   one domain at a time each: start, log in, save; go back to what was saved, and verify it
//   test pool     a thread a prefix: runs scripts, and pauses domains between them
//   destroyers    end domains side by side: libvirt makes each wait a fifth of a second
//   spare pool    a thread or a few: domains' spares are made ready while the domains run tests
//   judges        a few threads: compare, write the attempt's files

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "console/session.h"
#include "core/record.h"
#include "core/scheduler.h"
#include "engine/hypervisor.h"
#include "engine/reboot.h"
#include "engine/recorder.h"
#include "engine/sampler.h"
#include "engine/script_runner.h"
#include "engine/snapshots.h"
#include "engine/spare_pool.h"
#include "suite/format.h"

namespace kvmtest::engine {

struct Config {
  console::Login login;
  std::chrono::milliseconds boot_limit{};  ///< start of a domain to its verified shell
  std::size_t capture_bound = 0;           ///< bytes of a host's output in one attempt
  unsigned judges = 2;                     ///< threads
  std::filesystem::path shell{};           ///< kvmsh, for programs
  std::filesystem::path state_dir{};       ///< whose daemon this is
  unsigned spare_threads = 1;              ///< spares that are made ready at the same time
};

/// A run, ready to go.
struct RunOrder {
  core::RunPlan plan;
  std::vector<suite::LoadedTest> tests;  ///< by TestIndex, those with a verdict already included
  ScriptLimits limits;
  core::KernelWarnings kernel_warnings = core::KernelWarnings::tell;  ///< for tests that do not say
  std::filesystem::path output;                                       ///< directory of the run's attempts
  /// Of an interrupted run that goes on: what was decided before. Empty in a new one.
  std::map<core::TestIndex, core::Verdict> decided;
  unsigned flaky = 0;
  core::Duration spent{};
  bool require_some = false;     ///< the exit status is 1 when no test came to a result of its own
  std::function<void()> at_end;  ///< called when it is over, on a judge's thread
};

/// What a domain's last reset took; for doctor.
struct ResetTimes {
  core::Method method = core::Method::boot;
  core::Duration total{};
  core::Duration boot{};
  core::Duration login{};
  core::Duration save{};
  core::Duration load{};
  core::Duration verify{};
  std::string note{};  ///< why the state was not saved
};

/// Public members: any thread.
class Engine {
 public:
  Engine(Config config, Hypervisor& hypervisor, Snapshots& snapshots, Spares& spares, Recorder& recorder,
         core::AttemptId next_attempt);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  /// Nothing may be under way: see idle(). Joins all threads.
  ~Engine();

  /// Throws Busy when a run is active, or one of these prefixes keeps what a failure left or has a console that
  /// somebody holds.
  void check_free(const std::vector<core::Prefix>& prefixes);
  /// Throws what check_free does.
  void start_run(RunOrder order);
  /// Asks the active run to stop; no-op without one. `release`: domains that failed tests left as they are go as well.
  void stop_run(const std::string& by, bool release = true);
  /// The prefixes that keep the domains of a failed test, each with the test's name; also when the run is over.
  std::map<core::Prefix, std::string> kept();
  /// The active run, if any. Waits, no longer than some seconds, while a run's end is being written down: whoever has
  /// read of that end may start the next one.
  [[nodiscard]] std::optional<core::RunId> active_run() const;
  /// Whether the active run uses the prefix.
  bool in_run(const core::Prefix& prefix);
  /// Waits until no run is active. False: one is, after `patience`.
  bool wait_for_no_run(std::chrono::milliseconds patience);

  /// How a client wants a domain.
  struct Wish {
    bool fresh = false;   ///< reset it even when it is up
    unsigned slots = 1;   ///< of the reboot pool, when no run sets them
    core::States states;  ///< of this domain; empty: boot it
  };
  /// Brings a domain up for a client. Waits. Throws Busy, with the scheduler's words.
  ResetTimes request_domain(const core::Domain& domain, const Wish& wish);
  /// Takes a domain that is up and lent out back to its saved state without any check, and times that alone and a
  /// trip to its shell and back after it; for doctor. Throws Busy, HostFault.
  struct RawLoad {
    core::Duration load{};
    core::Duration round_trip{};
  };
  RawLoad raw_load(const core::Domain& domain);
  /// Takes a domain away. Waits. Throws Busy.
  core::Duration destroy_domain(const core::Domain& domain);
  /// Exclusive use of a domain's console, until the pointer goes. Throws Busy when it is in use or there is none.
  std::shared_ptr<console::Session> borrow(const core::Domain& domain);
  /// The same for the program of a running test, which its token names: one command at a time, so it waits while
  /// another of the program's has the console. Throws Busy when the test is over or has no such domain.
  std::shared_ptr<console::Session> lend(const core::Domain& domain, const std::string& token);
  /// A console at which a test is running, for somebody who watches or even types.
  struct Watch {
    std::string test;
    std::shared_ptr<console::LiveText> text;
    /// Types into it; the log tells once that somebody does. Throws Closed, Interrupted.
    std::function<void(std::string_view)> type;
  };
  /// While the prefix is being prepared for a test, waits for that until `patience`. Throws Busy when the domain runs
  /// no test.
  Watch watch(const core::Domain& domain, std::chrono::milliseconds patience);
  /// Restarts the domain of a running test, whose console is the caller's: see engine/reboot.h. It may take `limit`, or
  /// as long as a boot, but not beyond `latest`. Throws Interrupted.
  Rebooted reboot(const core::Domain& domain, console::Session& session, const std::string& command,
                  std::optional<std::chrono::milliseconds> limit, console::Deadline latest = console::Deadline::max());
  /// The program ran a command on a console that was lent to it.
  void command_ran(const core::Domain& domain, const std::string& token, const std::string& command,
                   const console::CommandResult& result);
  /// The domain's console does not answer any more; it is destroyed, and reset for the next who wants it.
  void give_up(const core::Domain& domain);

  /// A domain ended by itself.
  void domain_lost(const core::Domain& domain, const End& end);

  struct PrefixStatus {
    std::string prefix;
    std::string state;
    std::string test;
    std::map<std::string, std::string> domains;  ///< host to state
  };
  struct Status {
    std::optional<core::RunId> run;
    unsigned slots = 0;
    unsigned resetting = 0;
    unsigned queued = 0;
    unsigned tests = 0;
    unsigned decided = 0;
    std::vector<PrefixStatus> prefixes;
  };
  Status status();

 private:
  struct ActiveRun;
  struct UnderTest;
  struct Answer {
    std::promise<std::optional<std::string>> promise;
  };

  // Core thread only.
  void dispatch(const core::Event& event);
  void perform(const core::action::ResetDomain& a);
  void perform(const core::action::CancelReset& a);
  void perform(const core::action::PauseDomain& a);
  void perform(const core::action::DestroyDomain& a);
  void perform(const core::action::PrepareSpare& a);
  void perform(const core::action::HurrySpare& a);
  void perform(const core::action::DiscardSpare& a);
  void perform(const core::action::RunTest& a);
  void perform(const core::action::CancelTest& a);
  void perform(const core::action::JudgeTest& a);
  void perform(const core::action::ReportVerdict& a);
  void perform(const core::action::ReportUntested& a);
  void perform(const core::action::ReportKept& a);
  void perform(const core::action::Tell& a);
  void perform(const core::action::AnswerRequest& a);
  void perform(const core::action::FinishRun& a);
  void check_free_now(const std::vector<core::Prefix>& prefixes);
  [[nodiscard]] std::map<core::Prefix, std::string> kept_now() const;
  [[nodiscard]] bool is_stuck(const core::Domain& domain);
  void arm_deadline();
  void arm_sampler();
  void fit_reboot_pool(unsigned threads);
  boost::asio::thread_pool& test_thread(const core::Prefix& prefix);
  void request(core::Event event, core::RequestId id);

  // Pool threads.
  void reset(const core::action::ResetDomain& a);
  struct Reset;
  void boot(Reset& reset);
  void save(Reset& reset);
  std::shared_ptr<console::Session> take_session(const core::Domain& domain);
  void swap(Reset& reset);
  void load(Reset& reset);
  void restore(Reset& reset);
  void track(Reset& reset, std::shared_ptr<console::Session> session);
  void pause(const core::action::PauseDomain& a);
  static std::vector<core::Host> stuck(const suite::Test& test, const Sessions& sessions);
  void destroy(const core::action::DestroyDomain& a, std::int64_t run);
  void run_test(const core::action::RunTest& a, const std::shared_ptr<ActiveRun>& run);
  suite::Execution run_program(const core::action::RunTest& a, ActiveRun& run, Sessions& sessions);
  std::map<std::string, std::string> end_lending(core::AttemptId attempt, Sessions& sessions);
  std::optional<core::event::TestAborted> collect_kernel(const core::action::RunTest& a, const Sessions& sessions,
                                                         std::chrono::steady_clock::time_point start,
                                                         const suite::Test& test, suite::Execution& execution);
  void record_points(core::AttemptId attempt, std::span<const core::Point> points);
  void judge(const core::action::JudgeTest& a, const std::shared_ptr<ActiveRun>& run);

  void post(core::Event event);
  template <class Function>
  auto on_core(Function function);
  core::Instant now() const;
  std::int64_t run_number() const;

  Config config_;
  Hypervisor& hypervisor_;
  Snapshots& snapshots_;
  Recorder& recorder_;
  const std::chrono::steady_clock::time_point epoch_ = std::chrono::steady_clock::now();

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer deadline_timer_;
  boost::asio::steady_timer sample_timer_;

  // Core thread only.
  core::Scheduler scheduler_;
  std::shared_ptr<ActiveRun> run_;
  std::map<core::RequestId, Answer> answers_;
  std::uint64_t last_request_ = 0;
  Sampler sampler_;
  std::vector<std::unique_ptr<boost::asio::thread_pool>> reboot_pools_;  ///< the last one takes new jobs
  unsigned reboot_threads_ = 0;
  std::map<core::Prefix, std::unique_ptr<boost::asio::thread_pool>> test_pool_;
  std::unique_ptr<boost::asio::thread_pool> destroyers_;
  std::unique_ptr<boost::asio::thread_pool> judge_pool_;

  std::atomic<std::int64_t> active_run_{0};

  mutable std::mutex mutex_;
  mutable std::condition_variable run_ended_;
  std::condition_variable lending_changed_;
  std::condition_variable test_began_;
  // Guarded by mutex_.
  bool ending_run_ = false;                                              ///< its last record is on its way
  std::map<core::Domain, std::shared_ptr<console::Session>> sessions_;   ///< logged in, by domain
  std::map<core::Ticket, std::shared_ptr<console::Session>> resetting_;  ///< being brought up
  std::set<core::Ticket> cancelled_;
  std::map<core::AttemptId, UnderTest> testing_;
  std::map<core::Domain, std::weak_ptr<void>> borrowed_;
  std::set<const console::Session*> lent_;  ///< to programs of running tests
  std::set<core::Domain> rebooting_;        ///< their tests want it
  std::map<core::Domain, ResetTimes> last_reset_;
  std::map<core::Domain, core::Duration> last_destroy_;

  SparePool spare_pool_;
  std::thread core_thread_;
};

}  // namespace kvmtest::engine
