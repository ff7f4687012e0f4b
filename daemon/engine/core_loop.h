#pragma once
// The core's thread: whatever is posted to it runs there, one after the other.

#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/threads.h"
#include "core/time.h"

namespace kvmtest::engine {

/// Any thread.
class CoreLoop {
 public:
  CoreLoop()
      : work_(boost::asio::make_work_guard(io_)), thread_(base::start_thread("the scheduler", [this] { io_.run(); })) {}
  CoreLoop(const CoreLoop&) = delete;
  CoreLoop& operator=(const CoreLoop&) = delete;
  ~CoreLoop() { stop(); }

  /// For timers.
  boost::asio::io_context& io() { return io_; }
  /// The core's time.
  [[nodiscard]] core::Instant now() const {
    return core::Instant(std::chrono::duration_cast<core::Duration>(std::chrono::steady_clock::now() - epoch_));
  }
  /// That instant by the clock of timers.
  [[nodiscard]] std::chrono::steady_clock::time_point at(core::Instant instant) const {
    return epoch_ + instant.time_since_epoch();
  }

  /// Does not wait. After stop() nothing runs any more.
  template <class Function>
  void post(Function function) {
    boost::asio::post(io_, std::move(function));
  }
  /// Runs `function` and returns, or throws, what it does. Waits; not on the core's thread.
  template <class Function>
  auto on(Function function) {
    auto task = std::make_shared<std::packaged_task<decltype(function())()>>(std::move(function));
    auto future = task->get_future();
    boost::asio::post(io_, [task] { (*task)(); });
    return future.get();
  }
  /// Joins the thread when it has nothing more to do: no timer may be armed.
  void stop() {
    work_.reset();
    if (thread_.joinable()) thread_.join();
  }

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  const std::chrono::steady_clock::time_point epoch_ = std::chrono::steady_clock::now();
  std::thread thread_;
};

}  // namespace kvmtest::engine
