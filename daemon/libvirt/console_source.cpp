#include "libvirt/console_source.h"

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include <libvirt/virterror.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/hypervisor.h"

namespace kvmtest::libvirt {
namespace {

// Both kinds of events are told with the same numbers.
static_assert(int{VIR_STREAM_EVENT_READABLE} == int{VIR_EVENT_HANDLE_READABLE} &&
              int{VIR_STREAM_EVENT_WRITABLE} == int{VIR_EVENT_HANDLE_WRITABLE} &&
              int{VIR_STREAM_EVENT_ERROR} == int{VIR_EVENT_HANDLE_ERROR} &&
              int{VIR_STREAM_EVENT_HANGUP} == int{VIR_EVENT_HANDLE_HANGUP});

/// What libvirt's callbacks get, and delete when they will come no more.
struct Told {
  ConsoleSource::OnEvents on_events;
  int socket = -1;
  ~Told() {
    if (socket >= 0) close(socket);
  }
};

void forget(void* told) { delete static_cast<Told*>(told); }

long result_of(long transferred) {
  if (transferred >= 0) return transferred;
  return errno == EAGAIN || errno == EINTR ? ConsoleSource::none_now : -1;
}

}  // namespace

// ---- a stream of libvirt's ----

StreamSource::StreamSource(virConnectPtr connect, virDomainPtr domain, OnEvents on_events) {
  const std::string what = std::string("console of ") + virDomainGetName(domain);
  stream_.reset(check(virStreamNew(connect, VIR_STREAM_NONBLOCK), what));
  check(virDomainOpenConsole(domain, nullptr, stream_.get(), VIR_DOMAIN_CONSOLE_FORCE), what);
  auto told = std::make_unique<Told>(Told{std::move(on_events)});
  check(virStreamEventAddCallback(
            stream_.get(), 0,
            [](virStreamPtr, int events, void* opaque) { static_cast<Told*>(opaque)->on_events(events); }, told.get(),
            forget),
        what);
  told.release();  // NOLINT(bugprone-unused-return-value): libvirt's free callback owns it now
}

StreamSource::~StreamSource() {
  if (virStreamEventRemoveCallback(stream_.get()) < 0) virResetLastError();
  if (virStreamAbort(stream_.get()) < 0) virResetLastError();
}

void StreamSource::watch(int events) {
  if (virStreamEventUpdateCallback(stream_.get(), events) < 0) virResetLastError();
}

long StreamSource::receive(char* buffer, std::size_t size) {
  const int got = virStreamRecv(stream_.get(), buffer, size);
  if (got == -1) virResetLastError();
  return got;
}

long StreamSource::send(const char* bytes, std::size_t size) {
  const int sent = virStreamSend(stream_.get(), bytes, size);
  if (sent == -1) virResetLastError();
  return sent;
}

// ---- QEMU's socket ----

SocketSource::SocketSource(const std::string& path, OnEvents on_events) {
  const auto failed = [&] {
    return engine::HostFault("console " + path + ": " + std::generic_category().message(errno));
  };
  auto told = std::make_unique<Told>(Told{std::move(on_events)});
  told->socket = socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (socket_ < 0 || connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw failed();
  watch_ =
      check(virEventAddHandle(
                socket_, 0, [](int, int, int events, void* opaque) { static_cast<Told*>(opaque)->on_events(events); },
                told.get(), forget),
            "console " + path);
  told.release();  // NOLINT(bugprone-unused-return-value): libvirt's free callback owns it now
}

SocketSource::~SocketSource() {
  shutdown(socket_, SHUT_RDWR);
  if (virEventRemoveHandle(watch_) < 0) virResetLastError();
}

void SocketSource::watch(int events) { virEventUpdateHandle(watch_, events); }

long SocketSource::receive(char* buffer, std::size_t size) { return result_of(recv(socket_, buffer, size, 0)); }

long SocketSource::send(const char* bytes, std::size_t size) {
  return result_of(::send(socket_, bytes, size, MSG_NOSIGNAL));
}

}  // namespace kvmtest::libvirt
