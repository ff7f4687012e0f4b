#pragma once
// The bytes between a session and its guest, from one boot to the next, and what of them is kept.

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "console/capture.h"
#include "console/guest_time.h"
#include "console/stream.h"

namespace kvmtest::console {

/// The session's thread, but for stream() and interrupt().
class Link {
 public:
  /// `bound`: bytes of the raw console that are kept between two take_raw().
  Link(std::unique_ptr<Stream> stream, std::size_t bound) : stream_(std::move(stream)), raw_(bound), bound_(bound) {}

  /// See Stream::read. What it returns is kept for take_raw(), too.
  std::string read(GuestDeadline deadline);
  /// See Stream::write.
  void write(std::string_view bytes, GuestDeadline deadline);
  /// From now on the deadlines are of that clock.
  void set_clock(std::shared_ptr<GuestClock> clock) { clock_ = std::move(clock); }
  [[nodiscard]] GuestTime::time_point now() { return clock_->now(); }
  [[nodiscard]] bool passed(GuestDeadline deadline) { return clock_->passed(deadline); }
  /// Everything the console printed since the last call.
  std::string take_raw();
  /// From now on it is that stream. One that was interrupted stays so.
  void reconnect(std::unique_ptr<Stream> stream);

  /// Any thread.
  std::shared_ptr<Stream> stream();
  /// Ends what waits for the guest, now and later, by Interrupted. Any thread.
  void interrupt();
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  base::Mutex mutex_;
  std::shared_ptr<Stream> stream_ GUARDED_BY(mutex_);
  std::atomic<bool> interrupted_{false};
  std::shared_ptr<GuestClock> clock_ = std::make_shared<WallClock>();
  Capture raw_;
  std::size_t bound_;
};

}  // namespace kvmtest::console
