#pragma once
// Time as the core sees it: an argument, never a call.

#include <chrono>

namespace kvmtest::core {

using Duration = std::chrono::microseconds;

/// Tag of a clock that nobody in core can read; the engine maps it to steady time, the simulator to virtual time.
struct CoreClock {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<CoreClock, Duration>;
  static constexpr bool is_steady = true;
};

using Instant = CoreClock::time_point;
/// Time of day, for people and the database.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// `d` in seconds.
constexpr double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace kvmtest::core
