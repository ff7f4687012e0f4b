#pragma once
// Whether a run is active, for those who wait for that.

#include <chrono>
#include <optional>

#include "base/mutex.h"
#include "core/ids.h"
#include "engine/context.h"

namespace kvmtest::engine {

/// Any thread.
class RunState {
 public:
  /// `context` outlives it, and has the run's number.
  explicit RunState(Context& context) : context_(context) {}

  void begin(core::RunId run) { context_.run.store(run.value); }
  /// Its last record is on its way.
  void ending() {
    const base::Lock lock(mutex_);
    ending_ = true;
  }
  void ended() {
    const base::Lock lock(mutex_);
    context_.run.store(0);
    ending_ = false;
    changed_.notify_all();
  }
  /// The active run, if any. Waits, no longer than some seconds, while its end is being written down: whoever has read
  /// of that end may start the next one. Not on the core's thread.
  std::optional<core::RunId> active() {
    base::Lock lock(mutex_);
    changed_.wait(lock, [&]() REQUIRES(mutex_) { return !ending_; });
    return now();
  }
  /// The same without waiting: one that is ending is active.
  [[nodiscard]] std::optional<core::RunId> now() const {
    const auto run = context_.run.load();
    return run == 0 ? std::nullopt : std::optional(core::RunId{run});
  }
  /// Waits until no run is active. False: one is, after `patience`.
  bool wait_for_none(std::chrono::milliseconds patience) {
    base::Lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return !now(); });
  }

 private:
  Context& context_;
  base::Mutex mutex_;
  base::Condition changed_;
  bool ending_ GUARDED_BY(mutex_) = false;
};

}  // namespace kvmtest::engine
