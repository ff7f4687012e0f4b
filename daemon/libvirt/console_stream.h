#pragma once
// A domain's console. The event loop's thread fills a buffer; the session's thread waits on it.

#include <functional>
#include <memory>
#include <string>

#include "base/mutex.h"
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
    base::Mutex mutex;
    base::Condition changed;
    std::unique_ptr<ConsoleSource> source GUARDED_BY(mutex);
    std::string received GUARDED_BY(mutex);
    std::string to_send GUARDED_BY(mutex);
    bool closed GUARDED_BY(mutex) = false;
    bool interrupted GUARDED_BY(mutex) = false;
    int events GUARDED_BY(mutex) = 0;  ///< that the callback is armed for
  };

  [[nodiscard]] ConsoleSource::OnEvents on_events() const;
  void begin(std::unique_ptr<ConsoleSource> source);
  static void send_some(Shared& shared) REQUIRES(shared.mutex);
  static void receive_some(Shared& shared) REQUIRES(shared.mutex);
  static void arm(Shared& shared) REQUIRES(shared.mutex);

  std::shared_ptr<Shared> shared_;
};

}  // namespace kvmtest::libvirt
