#pragma once
// The test pool: a thread for each prefix, which runs its tests and, between them, pauses its domains.

#include <map>
#include <memory>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "core/ids.h"

namespace kvmtest::engine {

/// Core thread only.
class PrefixThreads {
 public:
  PrefixThreads() = default;
  PrefixThreads(const PrefixThreads&) = delete;
  PrefixThreads& operator=(const PrefixThreads&) = delete;
  ~PrefixThreads() { join(); }

  /// Any thread, when nothing is posted any more.
  void join() {
    for (auto& [prefix, thread] : threads_) thread->join();
  }

  /// Does not wait.
  template <class Function>
  void post(const core::Prefix& prefix, Function function) {
    auto& thread = threads_[prefix];
    if (!thread) thread = std::make_unique<boost::asio::thread_pool>(1);
    boost::asio::post(*thread, std::move(function));
  }

 private:
  std::map<core::Prefix, std::unique_ptr<boost::asio::thread_pool>> threads_;
};

}  // namespace kvmtest::engine
