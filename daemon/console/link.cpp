#include "console/link.h"

#include <utility>

namespace kvmtest::console {

std::string Link::read(Deadline deadline) {
  std::string bytes = stream()->read(deadline);
  raw_.append(bytes);
  return bytes;
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
