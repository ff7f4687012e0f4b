#pragma once
// The consoles of the domains that are up: whose they are at the moment. A console::Session belongs to one thread at a
// time. It is a test's while that runs, which lends it to its program's commands; else a client may borrow it.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "console/capture.h"
#include "console/live_text.h"
#include "console/session.h"
#include "core/ids.h"
#include "engine/connections.h"
#include "engine/context.h"
#include "engine/kernel_talk.h"
#include "engine/script_runner.h"
#include "engine/watch.h"
#include "suite/test.h"

namespace kvmtest::engine {

/// Any thread.
class Consoles {
 public:
  using Shell = std::shared_ptr<console::Session>;

  /// Both outlive it. Connections to a domain end with what its console was.
  Consoles(Context& context, Connections& connections) : context_(context), connections_(connections) {}
  Consoles(const Consoles&) = delete;
  Consoles& operator=(const Consoles&) = delete;

  // ---- of domains that are up ----

  /// The domain is up, and its shell waits at its prompt.
  void put(const core::Domain& domain, Shell shell);
  /// The domain is about to go back: its console is the caller's. Null: there is none, or somebody may type at it, who
  /// is interrupted.
  Shell take(const core::Domain& domain);
  /// The domain is about to be destroyed: whoever borrowed its console is interrupted. The caller drops it when that is
  /// done.
  Shell close(const core::Domain& domain);
  /// Whether the domain is up.
  bool is_there(const core::Domain& domain);
  /// Whether the console of a domain that is up does not wait at its prompt, or somebody uses it.
  bool is_stuck(const core::Domain& domain);
  /// Whether it is the console of the domain as it is up now.
  bool is_of(const core::Domain& domain, const console::Session& session);
  /// Exclusive use, until the pointer goes. Throws Busy when it is in use or there is none.
  Shell borrow(const core::Domain& domain);
  /// Throws Busy when somebody has borrowed one of these prefixes' consoles.
  void check_free(const std::vector<core::Prefix>& prefixes);

  // ---- of a running test ----

  /// The test takes the consoles of its hosts, as far as they are up. `token`: of its program, which gets them lent by
  /// it; empty: it is a script.
  void begin_test(core::AttemptId attempt, const core::Prefix& prefix, const std::string& test,
                  const std::vector<std::string>& hosts, std::string token);
  [[nodiscard]] Sessions sessions_of(core::AttemptId attempt);
  /// Ends whatever waits for one of the test's consoles.
  void interrupt(core::AttemptId attempt);
  /// For a program: one command at a time, so it waits while another of the program's has the console. Throws Busy when
  /// the test is over or has no such domain.
  Shell lend(const core::Domain& domain, const std::string& token);
  /// Throws Busy unless the domain is the test's that has that token.
  void check_under_test(const core::Domain& domain, const std::string& token);
  /// The program ran a command on a console that was lent to it.
  void command_ran(const core::Domain& domain, const std::string& token, const std::string& command,
                   const console::CommandResult& result);
  /// From now on the consoles are the caller's again. One that cannot be had is taken out of use and out of `sessions`,
  /// and its domain is reset without it. Returns what was printed, by host. Waits some seconds.
  std::map<std::string, std::string> end_lending(core::AttemptId attempt, Sessions& sessions);
  /// Its kernel's log until now, of a machine that is about to restart. The next boot has a log of its own.
  void note_boot(const core::Domain& domain, const console::Session& session, KernelTalk talk);
  /// What note_boot was told, by host.
  std::map<std::string, std::vector<KernelTalk>> take_boots(core::AttemptId attempt);
  void end_test(core::AttemptId attempt);
  /// How many tests run.
  [[nodiscard]] unsigned tests();
  /// While the prefix is being prepared for a test, waits for that until `patience`. Throws Busy when the domain runs
  /// no test.
  Watch watch(const core::Domain& domain, std::chrono::milliseconds patience);

 private:
  struct UnderTest {
    std::string name;
    Sessions sessions{};
    std::map<std::string, std::shared_ptr<console::LiveText>> live{};  ///< by host
    std::string token{};                                               ///< while consoles are lent by it
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
    unsigned commands = 0;                                           ///< that its program ran
    std::map<std::string, console::Capture> printed{};               ///< by host: those commands and their output
    std::map<std::string, std::vector<KernelTalk>> earlier_boots{};  ///< by host that was restarted
  };

  Context& context_;
  Connections& connections_;
  base::Mutex mutex_;
  base::Condition lending_changed_;
  base::Condition test_began_;
  std::map<core::Domain, Shell> shells_ GUARDED_BY(mutex_);
  std::map<core::Domain, std::weak_ptr<void>> borrowed_ GUARDED_BY(mutex_);
  std::map<core::AttemptId, UnderTest> tests_ GUARDED_BY(mutex_);
  std::set<const console::Session*> lent_ GUARDED_BY(mutex_);  ///< to programs of running tests
};

}  // namespace kvmtest::engine
