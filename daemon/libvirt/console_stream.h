#pragma once
// A domain's console over libvirt's stream. The event loop's thread fills a buffer; the session's thread waits on it.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "console/stream.h"
#include "libvirt/handles.h"

namespace kvmtest::libvirt {

class ConsoleStream final : public console::Stream {
 public:
  /// Opens the first console of a running domain, taking it from whoever holds it. Throws engine::HostFault.
  ConsoleStream(virConnectPtr connect, virDomainPtr domain);
  ~ConsoleStream() override;

  std::string read(console::Deadline deadline) override;
  void write(std::string_view bytes, console::Deadline deadline) override;
  void interrupt() override;

 private:
  /// Shared with the callback, which may still run once while the stream is being taken down.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    // Guarded by mutex.
    StreamHandle stream;
    std::string received;
    std::string to_send;
    bool closed = false;
    bool interrupted = false;
    int events = 0;  ///< that the callback is armed for
  };

  static void on_event(virStreamPtr stream, int events, void* opaque);
  static void send_some(Shared& shared);
  static void receive_some(Shared& shared);
  static void arm(Shared& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace kvmtest::libvirt
