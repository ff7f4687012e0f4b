#pragma once
// The same work on each of many things, on all cores.

#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace kvmtest::suite {

/// Calls `work(i)` for each i below `count`, on as many threads as there are cores, or on as many as the system gives,
/// and returns when all are done. `work` must not throw.
template <class Work>
void for_each_in_parallel(std::size_t count, Work work) {
  std::atomic<std::size_t> next{0};
  const auto take = [&] {
    for (std::size_t i = 0; (i = next++) < count;) work(i);
  };
  std::vector<std::jthread> threads;
  try {
    for (unsigned i = 1; i < std::thread::hardware_concurrency() && i < count; ++i) threads.emplace_back(take);
  } catch (const std::system_error&) {
    // Fewer do it as well.
  }
  take();
}

}  // namespace kvmtest::suite
