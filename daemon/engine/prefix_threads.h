#pragma once
// The test pool: a thread for each prefix, which runs its tests and, between them, pauses its domains.

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/threads.h"
#include "core/ids.h"

namespace kvmtest::engine {

/// Core thread only.
class PrefixThreads {
 public:
  PrefixThreads() = default;
  PrefixThreads(const PrefixThreads&) = delete;
  PrefixThreads& operator=(const PrefixThreads&) = delete;

  /// Any thread, when nothing is posted any more.
  void join() {
    for (auto& [prefix, thread] : threads_) thread->join();
  }

  /// A thread for each of these. Throws base::NoThread.
  void fit(const std::vector<core::Prefix>& prefixes) {
    for (const core::Prefix& prefix : prefixes)
      if (!threads_.contains(prefix)) threads_.emplace(prefix, std::make_unique<base::Pool>("tests", 1));
  }

  /// After fit(). Does not wait.
  void post(const core::Prefix& prefix, std::function<void()> function) {
    threads_.at(prefix)->post(std::move(function));
  }

 private:
  std::map<core::Prefix, std::unique_ptr<base::Pool>> threads_;
};

}  // namespace kvmtest::engine
