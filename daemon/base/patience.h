#pragma once
// Calls that may never return, and nobody who could be asked to end them but from outside.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "base/mutex.h"

namespace kvmtest::base {

/// Does something about a call that takes too long, on a thread of its own. Any thread.
class Patience {
 public:
  /// `purpose` is for the error. Throws NoThread.
  explicit Patience(const std::string& purpose);
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
  /// No wait is left.
  ~Patience();

  /// One call that is under way.
  class Wait {
   public:
    Wait(Patience& patience, std::chrono::milliseconds limit, std::function<void()> too_long);
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    /// The call has returned. Waits for what is being done about it.
    ~Wait();
    /// Whether it has taken too long.
    [[nodiscard]] bool over() const;

   private:
    Patience& patience_;
    const std::uint64_t number_;
  };

  /// From now until the wait goes. After `limit`, `too_long` is called, once; it must not throw, and others of this
  /// object wait for it.
  [[nodiscard]] Wait wait(std::chrono::milliseconds limit, std::function<void()> too_long) {
    return {*this, limit, std::move(too_long)};
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    Clock::time_point until;
    std::function<void()> too_long;
    bool over = false;
    bool busy = false;  ///< something is being done about it
  };
  std::uint64_t add(std::chrono::milliseconds limit, std::function<void()> too_long);
  void look();

  Mutex mutex_;
  Condition changed_;
  std::uint64_t last_ GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, Waiting> waiting_ GUARDED_BY(mutex_);
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kvmtest::base
