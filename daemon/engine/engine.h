#pragma once
// Runs tests on domains: the scheduler with what it takes to carry its actions out. Everything that happened leaves as
// records. The pieces, each with one lock at most:
//
//   Driver         owns the scheduler, on the core's thread
//   Resets         reboot pool: one domain at a time each: start, log in, save; or go back and verify
//   SparePool      makes domains' spares ready while the domains run tests
//   Destroyers     end domains side by side
//   PrefixThreads  test pool: a thread a prefix
//   Attempts       run tests there, and judge them on threads of their own
//   Freezer        lets tests' domains stand still and go on, and measures what they want of the processors
//   Consoles       whose the consoles of the domains that are up are
//   Connections    clients' connections to domains, which end with a reset

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "console/session.h"
#include "core/events.h"
#include "core/ids.h"
#include "core/time.h"
#include "engine/active_run.h"
#include "engine/context.h"
#include "engine/reboot.h"
#include "engine/reset_times.h"
#include "engine/watch.h"

namespace kvmtest::engine {

class Spares;

/// Public members: any thread.
class Engine {
 public:
  Engine(Config config, Hypervisor& hypervisor, Snapshots& snapshots, Spares& spares, Recorder& recorder,
         core::AttemptId next_attempt);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  /// Nothing may be under way: see idle(). Joins all threads.
  ~Engine();

  /// Has all threads that a run on these prefixes needs, with so many slots of the reboot pool, of both kinds. Throws
  /// Ending; Busy when a run is active, or one of the prefixes holds what a failure left or has a console that somebody
  /// holds; base::NoThread.
  void make_room(const std::vector<core::Prefix>& prefixes, unsigned slots);
  /// Throws what make_room does.
  void start_run(RunOrder order);
  /// Asks the active run to stop; no-op without one. `release`: domains that failed tests left as they are go as well.
  void stop_run(const std::string& by, bool release = true);
  /// From now on no run begins and no domain is reset for a client.
  void begin_to_end();
  /// Throws Ending after begin_to_end().
  void check_not_ending();
  [[nodiscard]] bool ending();
  /// Ends the active run as a stop that releases everything does, but leaves it open: another daemon, or this one, goes
  /// on with it. `why` is for its log. No-op without one.
  void interrupt_run(const std::string& why);
  /// The prefixes that keep the domains of a failed test, each with the test's name; also when the run is over.
  std::map<core::Prefix, std::string> held();
  /// The active run, if any. Waits, no longer than some seconds, while a run's end is being written down: whoever has
  /// read of that end may start the next one.
  std::optional<core::RunId> active_run();
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
  /// Brings a domain up for a client. Waits. Throws Ending; Busy, with the scheduler's words.
  ResetTimes request_domain(const core::Domain& domain, const Wish& wish);
  /// Takes a domain that is up and lent out back to its saved state without any check, and times that alone and a
  /// trip to its shell and back after it; for doctor. Throws Busy, HostFault.
  struct RawLoad {
    core::Duration load{};
    core::Duration round_trip{};
    core::Duration freeze{};  ///< after all that: to let the domain stand still, and those beside it, as the group of a
                              ///< running test
    core::Duration thaw{};    ///< and go on
  };
  RawLoad raw_load(const core::Domain& domain, std::vector<core::Domain> beside = {});
  /// Takes a domain away. Waits. Throws Busy.
  core::Duration destroy_domain(const core::Domain& domain);
  /// Exclusive use of a domain's console, until the pointer goes. Throws Busy when it is in use or there is none.
  std::shared_ptr<console::Session> borrow(const core::Domain& domain);
  /// The same for the program of a running test, which its token names: one command at a time, so it waits while
  /// another of the program's has the console. Throws Busy when the test is over or has no such domain.
  std::shared_ptr<console::Session> lend(const core::Domain& domain, const std::string& token);
  /// While the prefix is being prepared for a test, waits for that until `patience`. Throws Busy when the domain runs
  /// no test.
  Watch watch(const core::Domain& domain, std::chrono::milliseconds patience);
  /// Restarts the domain of a running test, whose console is the caller's: see engine/reboot.h. It may take `limit`, or
  /// as long as a boot, but not beyond `latest`. Throws Interrupted.
  Rebooted reboot(const core::Domain& domain, console::Session& session, const std::string& command,
                  std::optional<std::chrono::milliseconds> limit,
                  console::GuestDeadline latest = console::GuestDeadline::max());
  /// The program ran a command on a console that was lent to it.
  void command_ran(const core::Domain& domain, const std::string& token, const std::string& command,
                   const console::CommandResult& result);
  /// Somebody is about to connect to a domain that is up, or under test. Until the pointer goes, `cut` is called, on
  /// any thread, when the domain is about to go back; it does not wait. `client`: see is_connected(). Throws Busy.
  [[nodiscard]] std::shared_ptr<void> open_connection(const core::Domain& domain, std::function<void()> cut,
                                                      bool client);
  /// Until the pointer goes, the domain does not stand still in a test.
  [[nodiscard]] std::shared_ptr<void> keep_going(const core::Domain& domain);
  /// Throws Busy unless the domain is the running test's whose program has that token.
  void check_under_test(const core::Domain& domain, const std::string& token);
  /// Whether a client is connected to a domain of the prefix.
  bool is_connected(const core::Prefix& prefix);
  /// The public keys of a domain's SSH server, a line each, as they were learnt at its console; empty: none.
  std::string host_keys(const core::Domain& domain);
  /// The domain's console does not answer any more; it is destroyed, and reset for the next who wants it. Nothing
  /// happens when `session` is no longer its console: the domain has been destroyed meanwhile, and is another's now.
  void give_up(const core::Domain& domain, const console::Session& session);

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
  struct Pieces;
  const std::unique_ptr<Pieces> pieces_;  ///< their headers bring Asio's, which who uses an engine does not need
};

}  // namespace kvmtest::engine
