#include "libvirt/console_stream.h"

#include <array>
#include <utility>

namespace kvmtest::libvirt {
namespace {
// Past this much unread the guest is held back: the socket fills and QEMU waits.
constexpr std::size_t high_water = 4U << 20U;
}  // namespace

ConsoleStream::ConsoleStream(virConnectPtr connect, virDomainPtr domain) : shared_(std::make_shared<Shared>()) {
  begin(std::make_unique<StreamSource>(connect, domain, on_events()));
}

ConsoleStream::ConsoleStream(const std::string& socket) : shared_(std::make_shared<Shared>()) {
  begin(std::make_unique<SocketSource>(socket, on_events()));
}

void ConsoleStream::begin(std::unique_ptr<ConsoleSource> source) {
  const base::Lock lock(shared_->mutex);
  shared_->source = std::move(source);
  arm(*shared_);
}

ConsoleStream::~ConsoleStream() {
  std::unique_ptr<ConsoleSource> source;
  {
    const base::Lock lock(shared_->mutex);
    shared_->closed = true;
    source = std::move(shared_->source);
  }
  // Outside the lock: the callback takes it, and libvirt holds the stream's own lock while calling it.
  source.reset();
}

std::string ConsoleStream::read(console::Deadline deadline) {
  base::Lock lock(shared_->mutex);
  shared_->changed.wait_until(lock, deadline, [&]() REQUIRES(shared_->mutex) {
    return !shared_->received.empty() || shared_->closed || shared_->interrupted;
  });
  if (shared_->interrupted) throw console::Interrupted();
  std::string bytes = std::exchange(shared_->received, {});
  if (bytes.empty() && shared_->closed) throw console::Closed();
  arm(*shared_);
  return bytes;
}

void ConsoleStream::write(std::string_view bytes, console::Deadline deadline) {
  base::Lock lock(shared_->mutex);
  if (shared_->interrupted) throw console::Interrupted();
  if (shared_->closed) throw console::Closed();
  shared_->to_send.append(bytes);
  send_some(*shared_);
  arm(*shared_);
  shared_->changed.wait_until(lock, deadline, [&]() REQUIRES(shared_->mutex) {
    return shared_->to_send.empty() || shared_->closed || shared_->interrupted;
  });
  if (shared_->interrupted) throw console::Interrupted();
}

void ConsoleStream::interrupt() {
  const base::Lock lock(shared_->mutex);
  shared_->interrupted = true;
  shared_->changed.notify_all();
}

std::function<void()> ConsoleStream::closer() const {
  return [weak = std::weak_ptr(shared_)] {
    const auto shared = weak.lock();
    if (!shared) return;
    const base::Lock lock(shared->mutex);
    if (!shared->source || shared->closed) return;
    for (std::size_t before = shared->received.size();; before = shared->received.size()) {
      receive_some(*shared);
      if (shared->closed || shared->received.size() == before) break;
    }
    shared->closed = true;
    arm(*shared);
    shared->changed.notify_all();
  };
}

ConsoleSource::OnEvents ConsoleStream::on_events() const {
  return [shared = shared_](int events) {
    const base::Lock lock(shared->mutex);
    if (!shared->source) return;
    if ((events & VIR_STREAM_EVENT_READABLE) != 0) receive_some(*shared);
    if ((events & VIR_STREAM_EVENT_WRITABLE) != 0) send_some(*shared);
    if ((events & (VIR_STREAM_EVENT_HANGUP | VIR_STREAM_EVENT_ERROR)) != 0 && (events & VIR_STREAM_EVENT_READABLE) == 0)
      shared->closed = true;
    arm(*shared);
    shared->changed.notify_all();
  };
}

void ConsoleStream::receive_some(Shared& shared) {
  std::array<char, 65536> buffer;
  const long got = shared.source->receive(buffer.data(), buffer.size());
  if (got > 0)
    shared.received.append(buffer.data(), static_cast<std::size_t>(got));
  else if (got != ConsoleSource::none_now)
    shared.closed = true;
}

void ConsoleStream::send_some(Shared& shared) {
  while (!shared.to_send.empty()) {
    const long sent = shared.source->send(shared.to_send.data(), shared.to_send.size());
    if (sent < 0) {
      shared.closed = shared.closed || sent != ConsoleSource::none_now;
      return;
    }
    shared.to_send.erase(0, static_cast<std::size_t>(sent));
  }
}

/// Asks libvirt for the events that are of use now.
void ConsoleStream::arm(Shared& shared) {
  int events = VIR_STREAM_EVENT_HANGUP | VIR_STREAM_EVENT_ERROR;
  if (shared.closed) events = 0;
  if (!shared.closed && shared.received.size() < high_water) events |= VIR_STREAM_EVENT_READABLE;
  if (!shared.closed && !shared.to_send.empty()) events |= VIR_STREAM_EVENT_WRITABLE;
  if (events == shared.events) return;
  shared.events = events;
  shared.source->watch(events);
}

}  // namespace kvmtest::libvirt
