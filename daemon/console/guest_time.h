#pragma once
// The time that a guest had. What passes while it wants a processor of this machine and has none, is not of it. A
// guest's limits, and how long its silence lasts, are of this time: a machine with too much to do fails no test.

#include <chrono>

namespace kvmtest::console {

/// Not to be mixed up with the clock on the wall: the compiler sees to it.
struct GuestTime {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<GuestTime>;
  static constexpr bool is_steady = true;
};
using GuestDeadline = GuestTime::time_point;

/// Tells it, of one guest or of all guests of a test. Any thread.
class GuestClock {
 public:
  GuestClock() = default;
  GuestClock(const GuestClock&) = delete;
  GuestClock& operator=(const GuestClock&) = delete;
  virtual ~GuestClock() = default;
  /// Costs next to nothing: what passed since the last look() counts as had, so it may go back with the next one. Never
  /// behind the time that the guest really had.
  [[nodiscard]] virtual GuestTime::time_point now() = 0;
  /// Finds out what the guest has had.
  virtual void look() = 0;
  /// Whether the guest has had all its time until then.
  [[nodiscard]] bool passed(GuestDeadline deadline) {
    if (now() < deadline) return false;
    look();
    return now() >= deadline;
  }
};

/// Of a guest of which nothing is known: all time is its own.
class WallClock final : public GuestClock {
 public:
  [[nodiscard]] GuestTime::time_point now() override {
    return GuestTime::time_point(std::chrono::steady_clock::now().time_since_epoch());
  }
  void look() override {}
};

}  // namespace kvmtest::console
