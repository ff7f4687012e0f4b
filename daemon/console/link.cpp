#include "console/link.h"

#include <algorithm>
#include <utility>

namespace kvmtest::console {
namespace {

// Of what a guest that is short of processors reads, nobody tells in between.
constexpr int slowest_guest = 10;

// To look at what a guest has had costs more than to be a little late.
constexpr auto shortest_rest = std::chrono::milliseconds(20);

/// GuestDeadline::max() is none.
GuestTime::duration bounded(GuestTime::duration left) {
  return std::clamp<GuestTime::duration>(left, left.zero(), std::chrono::hours(1000));
}

}  // namespace

std::string Link::read(GuestDeadline deadline) {
  for (GuestTime::duration least{};; least = shortest_rest) {
    const auto left = std::max(least, bounded(deadline - now()));
    std::string bytes = stream()->read(std::chrono::steady_clock::now() + left);
    raw_.append(bytes);
    // A guest that had less time than has passed is given the rest.
    if (!bytes.empty() || passed(deadline)) return bytes;
  }
}

void Link::write(std::string_view bytes, GuestDeadline deadline) {
  stream()->write(bytes, std::chrono::steady_clock::now() + slowest_guest * bounded(deadline - now()));
}

std::string Link::take_raw() { return std::exchange(raw_, Capture(bound_)).text(); }

void Link::reconnect(std::unique_ptr<Stream> stream) {
  const base::Lock lock(mutex_);
  stream_ = std::move(stream);
  // Who interrupted it may have meant the old one.
  if (interrupted_) stream_->interrupt();
}

std::shared_ptr<Stream> Link::stream() {
  const base::Lock lock(mutex_);
  return stream_;
}

void Link::interrupt() {
  interrupted_ = true;
  stream()->interrupt();
}

}  // namespace kvmtest::console
