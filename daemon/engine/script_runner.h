#pragma once
// Types a test's script at its domains' consoles, one step after the other, as the script reads.

#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "console/guest_time.h"
#include "console/session.h"
#include "core/record.h"
#include "engine/hypervisor.h"
#include "engine/reboot.h"
#include "suite/test.h"

namespace kvmtest::engine {

/// For a test that names none of its own.
struct ScriptLimits {
  std::chrono::milliseconds command{};
  std::chrono::milliseconds test{};
  std::size_t capture = std::numeric_limits<std::size_t>::max();  ///< bytes of a host's output
};

using Sessions = std::map<std::string, std::shared_ptr<console::Session>>;  ///< by host

/// On the prefix's thread of the test pool.
class ScriptRunner {
 public:
  /// `end_of`: why a host's console closed.
  /// `clock`: of the limits, and of the sessions; outlives it.
  ScriptRunner(const suite::Test& test, const Sessions& sessions, ScriptLimits limits, console::GuestClock& clock,
               std::function<End(const std::string& host)> end_of);

  /// Told after each step that ran.
  std::function<void(const suite::Step&, const suite::StepResult&, std::uint64_t output_bytes)> on_step;

  /// Carries a reboot out: see Engine::reboot().
  std::function<Rebooted(const std::string& host, console::Session&, const std::string& command,
                         std::optional<std::chrono::milliseconds> limit, console::GuestDeadline)>
      on_reboot;

  /// A host fault while the script ran, with the host it showed on.
  struct Fault {
    std::string host;
    std::string reason;
  };
  /// Runs to the end, a time limit, or a closed console; steps of the post-mortem go on after these. Throws Fault,
  /// console::Interrupted.
  suite::Execution run();

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<suite::Ending> prepare();
  /// How a step came out that has no status.
  struct Failure {
    bool closed = false;
    bool left = false;
    std::string not_back{};
    std::string words{};  ///< the console's last
  };
  [[nodiscard]] std::optional<suite::Ending> ending_after(const suite::Step& step, const suite::StepResult& result,
                                                          const Failure& failure) const;
  [[nodiscard]] suite::Ending timed_out(const suite::Step& step, const suite::StepResult& result,
                                        const Failure& failure) const;
  [[nodiscard]] End why_closed(const std::string& host) const;
  suite::StepResult run_step(std::size_t index, Failure& failure);
  console::CommandResult run_reboot(console::Session& session, const suite::Step& step, Failure& failure);
  console::CommandResult run_until(console::Session& session, const suite::Step& step, console::GuestDeadline deadline,
                                   suite::StepResult& result);
  [[nodiscard]] std::chrono::milliseconds limit_of(const suite::Step& step) const;
  void bound(suite::StepResult& result, const std::string& host);

  const suite::Test& test_;
  const Sessions& sessions_;
  std::chrono::milliseconds command_limit_;
  std::chrono::milliseconds test_limit_;
  std::function<End(const std::string&)> end_of_;
  console::GuestClock& clock_;
  Clock::time_point start_{};
  console::GuestDeadline last_{};  ///< the test's limit
  std::size_t capture_bound_;
  std::map<std::string, std::size_t> kept_{};  ///< bytes of output, by host
};

/// What is typed for a step; `collect` and `background` become shell commands here.
std::string typed(const suite::Step& step);

}  // namespace kvmtest::engine
