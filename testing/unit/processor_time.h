#pragma once
// What a test measures instead of time: other programs do not lengthen it.

#include <chrono>
#include <ctime>

namespace kvmtest {

/// That this thread has used.
inline std::chrono::nanoseconds processor_time() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

}  // namespace kvmtest
