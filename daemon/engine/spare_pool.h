#pragma once
// Spares made ready ahead, while their domains run tests: taken back to the saved state, warmed up and halted, so that
// the next reset only swaps them in and verifies them. Nothing depends on them: whatever goes wrong with a spare is a
// reset of the usual kind.
//
// Invariant: a spare is swapped in only when its guest waits in the state that is asked for, and the reset verifies
// that once more.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/thread_pool.hpp>

#include "console/session.h"
#include "engine/clean_state.h"
#include "engine/spares.h"

namespace kvmtest::engine {

/// Any thread.
class SparePool {
 public:
  using Shell = std::shared_ptr<console::Session>;
  using OnGivenUp = std::function<void(const core::Domain&, const std::string& reason)>;

  /// `threads`: spares that are made ready at the same time. `on_given_up`: a domain gets no spare in this run; called
  /// on one of those threads.
  SparePool(Spares& spares, unsigned threads, std::size_t capture_bound, OnGivenUp on_given_up);
  SparePool(const SparePool&) = delete;
  SparePool& operator=(const SparePool&) = delete;
  /// Joins the threads.
  ~SparePool();

  /// A run begins, with so many domains that may have a spare. There are no spares now.
  void begin_run(unsigned most);
  /// Whether others have more need of the processor: meanwhile no work on a spare begins. Does not wait.
  void hold(bool hold);
  /// Has the domain's spare made ready in that state, unless it is or too many domains have one. Does not wait.
  void prepare(const core::Domain& domain, const core::StateId& state);

  /// What was swapped in: its console, and the state that its guest waits in.
  struct Swapped {
    Shell shell;
    CleanState state;
  };
  /// Swaps the domain with its spare, if one is ready in that state; one that is being made ready is waited for, until
  /// `cancelled` says so, unless the domain itself is `quicker` and the spare has far to go. `left`: the console of
  /// what was there, if nobody else may type at it. Nothing: there was none, or it could not be swapped in and is gone.
  std::optional<Swapped> swap(const core::Domain& domain, const core::StateId& state, Shell left, bool quicker,
                              const std::function<bool()>& cancelled);
  /// Has those that wait in swap() ask again whether they are cancelled.
  void wake();

  /// The domain is destroyed, its spare with it (Hypervisor::destroy): afterwards nothing is done with it any more.
  void forget(const core::Domain& domain);
  /// The spares of this prefix are of no more use. Does not wait.
  void discard(const core::Prefix& prefix);

 private:
  /// There is none, or a dirty one; `shell`: of the dirty one.
  struct Idle {
    Shell shell;
  };
  struct Queued {
    core::StateId state;
    Shell shell;
  };
  struct Preparing {
    Shell shell;
    bool soon =
        false;  ///< it is not being started anew, or that is done: to wait is not longer than to go back in place
    bool unwanted = false;
  };
  struct Ready {
    core::StateId state;
    Swapped swapped;
  };
  struct Entry {
    std::variant<Idle, Queued, Preparing, Ready> state;
    unsigned failures = 0;
  };

  void work(const core::Domain& domain);
  Swapped make_ready(const core::Domain& domain, const Queued& wanted, bool in_place);
  void show(const core::Domain& domain, const Shell& shell);
  void withdraw(const core::Domain& domain, const std::string& reason);

  Spares& spares_;
  const std::size_t capture_bound_;
  const OnGivenUp on_given_up_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  unsigned most_ = 0;
  bool held_ = false;
  std::vector<core::Domain> held_back_;
  std::map<core::Domain, Entry> entries_;

  boost::asio::thread_pool threads_;  ///< ends first
};

}  // namespace kvmtest::engine
