#pragma once
// The seam between a session and whatever carries a domain's console bytes.

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kvmtest::console {

using Deadline = std::chrono::steady_clock::time_point;

/// The other end is gone: the domain ended, or its console was taken away.
class Closed : public std::runtime_error {
 public:
  Closed() : std::runtime_error("the console closed") {}
};

/// Somebody called Stream::interrupt.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

/// A byte stream to a serial console. One thread reads; any thread writes, for a person may type beside a test, and
/// interrupts.
class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  /// What has arrived, waiting for a first byte until `deadline`; empty when none came. Throws Closed, Interrupted.
  virtual std::string read(Deadline deadline) = 0;
  /// Queues or sends all of `bytes`, waiting until `deadline` at most. Throws Closed, Interrupted.
  virtual void write(std::string_view bytes, Deadline deadline) = 0;
  /// Makes the read or write under way, and every later one, throw Interrupted. Any thread.
  virtual void interrupt() = 0;
};

}  // namespace kvmtest::console
