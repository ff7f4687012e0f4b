#include "libvirt/console_stream.h"

#include <array>
#include <utility>

#include <libvirt/virterror.h>

namespace kvmtest::libvirt {
namespace {
// Past this much unread the guest is held back: the pty fills and QEMU waits.
constexpr std::size_t high_water = 4U << 20U;
}  // namespace

ConsoleStream::ConsoleStream(virConnectPtr connect, virDomainPtr domain) : shared_(std::make_shared<Shared>()) {
  const std::string what = std::string("console of ") + virDomainGetName(domain);
  shared_->stream.reset(check(virStreamNew(connect, VIR_STREAM_NONBLOCK), what));
  check(virDomainOpenConsole(domain, nullptr, shared_->stream.get(), VIR_DOMAIN_CONSOLE_FORCE), what);
  shared_->events = VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_HANGUP | VIR_STREAM_EVENT_ERROR;
  auto opaque = std::make_unique<std::shared_ptr<Shared>>(shared_);
  check(virStreamEventAddCallback(shared_->stream.get(), shared_->events, on_event, opaque.get(),
                                  [](void* p) { delete static_cast<std::shared_ptr<Shared>*>(p); }),
        what);
  opaque.release();  // NOLINT(bugprone-unused-return-value): libvirt's free callback owns it now
}

ConsoleStream::~ConsoleStream() {
  StreamHandle stream;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->closed = true;
    stream = std::move(shared_->stream);
  }
  // Outside the lock: the callback takes it, and libvirt holds the stream's own lock while calling it.
  if (virStreamEventRemoveCallback(stream.get()) < 0) virResetLastError();
  if (virStreamAbort(stream.get()) < 0) virResetLastError();
}

std::string ConsoleStream::read(console::Deadline deadline) {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait_until(lock, deadline,
                              [&] { return !shared_->received.empty() || shared_->closed || shared_->interrupted; });
  if (shared_->interrupted) throw console::Interrupted();
  std::string bytes = std::exchange(shared_->received, {});
  if (bytes.empty() && shared_->closed) throw console::Closed();
  arm(*shared_);
  return bytes;
}

void ConsoleStream::write(std::string_view bytes, console::Deadline deadline) {
  std::unique_lock lock(shared_->mutex);
  if (shared_->interrupted) throw console::Interrupted();
  if (shared_->closed) throw console::Closed();
  shared_->to_send.append(bytes);
  send_some(*shared_);
  arm(*shared_);
  shared_->changed.wait_until(lock, deadline,
                              [&] { return shared_->to_send.empty() || shared_->closed || shared_->interrupted; });
  if (shared_->interrupted) throw console::Interrupted();
}

void ConsoleStream::interrupt() {
  const std::lock_guard lock(shared_->mutex);
  shared_->interrupted = true;
  shared_->changed.notify_all();
}

void ConsoleStream::on_event(virStreamPtr, int events, void* opaque) {
  const std::shared_ptr<Shared> shared = *static_cast<std::shared_ptr<Shared>*>(opaque);
  const std::lock_guard lock(shared->mutex);
  if (!shared->stream) return;
  if ((events & VIR_STREAM_EVENT_READABLE) != 0) receive_some(*shared);
  if ((events & VIR_STREAM_EVENT_WRITABLE) != 0) send_some(*shared);
  if ((events & (VIR_STREAM_EVENT_HANGUP | VIR_STREAM_EVENT_ERROR)) != 0 && (events & VIR_STREAM_EVENT_READABLE) == 0)
    shared->closed = true;
  arm(*shared);
  shared->changed.notify_all();
}

void ConsoleStream::receive_some(Shared& shared) {
  std::array<char, 65536> buffer;
  const int got = virStreamRecv(shared.stream.get(), buffer.data(), buffer.size());
  if (got > 0)
    shared.received.append(buffer.data(), static_cast<std::size_t>(got));
  else if (got != -2)  // -2: nothing to read after all
    shared.closed = true;
  if (got == -1) virResetLastError();
}

void ConsoleStream::send_some(Shared& shared) {
  while (!shared.to_send.empty()) {
    const int sent = virStreamSend(shared.stream.get(), shared.to_send.data(), shared.to_send.size());
    if (sent < 0) {
      if (sent != -2) {
        shared.closed = true;
        virResetLastError();
      }
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
  if (virStreamEventUpdateCallback(shared.stream.get(), events) < 0) virResetLastError();
}

}  // namespace kvmtest::libvirt
