#pragma once
// Where a console's bytes come from and go to: a stream of libvirt's, or QEMU's own socket. libvirt's event loop tells
// when there is something to do.

#include <cstddef>
#include <functional>
#include <string>

#include "libvirt/handles.h"

namespace kvmtest::libvirt {

/// Calls of one object one at a time. Events are libvirt's, VIR_STREAM_EVENT_*.
class ConsoleSource {
 public:
  /// On the event loop's thread; once more perhaps while the source is being destroyed.
  using OnEvents = std::function<void(int events)>;

  ConsoleSource() = default;
  ConsoleSource(const ConsoleSource&) = delete;
  ConsoleSource& operator=(const ConsoleSource&) = delete;
  virtual ~ConsoleSource() = default;

  /// The events that are told from now on.
  virtual void watch(int events) = 0;
  static constexpr long none_now = -2;  ///< nothing to read, or no room to write
  /// Bytes read, 0 at the end, none_now, or another negative number after an error. Never waits.
  virtual long receive(char* buffer, std::size_t size) = 0;
  /// Bytes written, none_now, or another negative number after an error. Never waits.
  virtual long send(const char* bytes, std::size_t size) = 0;
};

/// Of a running domain's first console, taken from whoever holds it; any kind that libvirt opens.
class StreamSource final : public ConsoleSource {
 public:
  /// Throws engine::HostFault.
  StreamSource(virConnectPtr connect, virDomainPtr domain, OnEvents on_events);
  ~StreamSource() override;
  void watch(int events) override;
  long receive(char* buffer, std::size_t size) override;
  long send(const char* bytes, std::size_t size) override;

 private:
  StreamHandle stream_;
};

/// Of a console on a Unix socket on which QEMU listens.
class SocketSource final : public ConsoleSource {
 public:
  /// Throws engine::HostFault.
  SocketSource(const std::string& path, OnEvents on_events);
  ~SocketSource() override;
  void watch(int events) override;
  long receive(char* buffer, std::size_t size) override;
  long send(const char* bytes, std::size_t size) override;

 private:
  int socket_ = -1;  ///< closed when the event loop has let it go
  int watch_ = -1;
};

}  // namespace kvmtest::libvirt
