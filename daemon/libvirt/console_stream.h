#pragma once
// A domain's console. The event loop's thread fills a buffer; the session's thread waits on it.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "console/stream.h"
#include "libvirt/console_source.h"

namespace kvmtest::libvirt {

class ConsoleStream final : public console::Stream {
 public:
  /// The first console of a running domain; see StreamSource. Throws engine::HostFault.
  ConsoleStream(virConnectPtr connect, virDomainPtr domain);
  /// The console on that socket; see SocketSource. Throws engine::HostFault.
  explicit ConsoleStream(const std::string& socket);
  ~ConsoleStream() override;

  std::string read(console::Deadline deadline) override;
  void write(std::string_view bytes, console::Deadline deadline) override;
  void interrupt() override;
  /// Closes the stream, once called, behind what has arrived so far; nothing when the stream is gone. Any thread.
  [[nodiscard]] std::function<void()> closer() const;

 private:
  /// Shared with the callback, which may still run once while the stream is being taken down.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    // Guarded by mutex.
    std::unique_ptr<ConsoleSource> source;
    std::string received;
    std::string to_send;
    bool closed = false;
    bool interrupted = false;
    int events = 0;  ///< that the callback is armed for
  };

  [[nodiscard]] ConsoleSource::OnEvents on_events() const;
  void begin(std::unique_ptr<ConsoleSource> source);
  static void send_some(Shared& shared);
  static void receive_some(Shared& shared);
  static void arm(Shared& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace kvmtest::libvirt
