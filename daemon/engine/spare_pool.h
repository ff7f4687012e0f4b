#pragma once
// Carries out what the scheduler decides about spares (docs/adr/0012-spares.md): a spare is taken back to the saved
// state, warmed up and halted while its domain runs a test, so that the next reset only swaps it in and verifies it.
//
// Invariant: a spare is swapped in only when its guest waits in its state, and the reset verifies that once more.

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "base/threads.h"
#include "console/session.h"
#include "core/actions.h"
#include "core/events.h"
#include "engine/clean_state.h"
#include "engine/spares.h"

namespace kvmtest::engine {

/// Any thread.
class SparePool {
 public:
  using Shell = std::shared_ptr<console::Session>;

  /// `threads`: spares that are made ready at the same time. `post`: takes what came of it, on one of those threads.
  SparePool(Spares& spares, unsigned threads, std::size_t capture_bound, std::function<void(core::Event)> post);
  SparePool(const SparePool&) = delete;
  SparePool& operator=(const SparePool&) = delete;
  /// Joins the threads.
  ~SparePool();

  /// Answers with SpareReady or SpareFailed, and SpareStarted before. Does not wait.
  void prepare(const core::action::PrepareSpare& a);
  /// Somebody waits for it. Does not wait.
  void hurry(const core::action::HurrySpare& a);
  /// Answers with SpareDiscarded. Does not wait.
  void discard(const core::action::DiscardSpare& a);

  /// What was swapped in: its console, and the state that its guest waits in.
  struct Swapped {
    Shell shell;
    CleanState state;
  };
  /// Swaps the domain with its spare, which is ready. `left`: the console of what was there, null when somebody else
  /// may type at it. Throws HostFault when it cannot be swapped in, and then it is gone.
  Swapped swap(const core::Domain& domain, Shell left);
  /// The domain is about to be destroyed, its spare with it (Hypervisor::destroy): ends what is being done with it, and
  /// waits for that.
  void forget(const core::Domain& domain);

 private:
  struct Entry {
    Shell shell{};  ///< of what is there, where it may be typed at
    std::optional<Swapped> ready{};
    std::optional<core::Ticket> ticket{};  ///< it is to be made ready
    bool working = false;                  ///< and that has begun
    bool unwanted = false;                 ///< and shall end
  };

  void work(const core::action::PrepareSpare& a);
  Swapped make_ready(const core::action::PrepareSpare& a);
  void show(const core::action::PrepareSpare& a, const Shell& shell);
  void end_work(base::Lock& lock, Entry& entry) REQUIRES(mutex_);
  void take_power(const core::Domain& domain);

  Spares& spares_;
  const std::size_t capture_bound_;
  const std::function<void(core::Event)> post_;
  base::Mutex mutex_;
  base::Condition changed_;  ///< some work has ended
  std::map<core::Domain, Entry> entries_ GUARDED_BY(mutex_);

  base::Pool threads_;  ///< one more than make spares ready: to hurry those waits for none; ends first
};

}  // namespace kvmtest::engine
