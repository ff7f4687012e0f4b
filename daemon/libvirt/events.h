#pragma once
// What libvirt and QEMU tell of domains by themselves, handed on to whom it concerns.

#include <memory>
#include <vector>

#include "base/threads.h"
#include "libvirt/callback.h"
#include "libvirt/connection.h"
#include "libvirt/machines.h"
#include "libvirt/monitor.h"

namespace kvmtest::libvirt {

/// Its callbacks run on libvirt's thread, which must not wait for QEMU; what has to ask QEMU does so on a thread here.
class Events {
 public:
  /// From now on machines are told. Throws engine::HostFault.
  Events(Connection& connection, Machines& machines, Monitor& monitor);
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  /// From now on nobody is told anything, and no callback of libvirt's runs any more: its event loop has ended. Not on
  /// libvirt's thread.
  ~Events();

 private:
  void suspended(virDomainPtr domain, int detail);
  void ended(virDomainPtr domain, int event, int detail);
  static int on_lifecycle(virConnectPtr connect, virDomainPtr domain, int event, int detail, void* opaque);
  static void on_shutdown(virConnectPtr connect, virDomainPtr domain, const char* event, long long seconds,
                          unsigned int microseconds, const char* details, void* opaque);
  static void on_io_error(virConnectPtr connect, virDomainPtr domain, const char* path, const char* device, int action,
                          const char* reason, void* opaque);

  Connection& connection_;
  Machines& machines_;
  Monitor& monitor_;
  base::Pool looks_{"libvirt's events", 1};
  std::vector<std::unique_ptr<Callback>> callbacks_;
};

}  // namespace kvmtest::libvirt
