#pragma once
// What libvirt calls when something happens to a domain.

#include <string>

#include <libvirt/libvirt-qemu.h>

#include "libvirt/handles.h"

namespace kvmtest::libvirt {

/// A callback for all domains of a connection; it is deregistered with this object, and may still be under way then on
/// libvirt's thread. `opaque` is what it gets.
class Callback {
 public:
  /// For events of libvirt's own, VIR_DOMAIN_EVENT_ID_*, told as VIR_DOMAIN_EVENT_CALLBACK has it. Throws
  /// engine::HostFault "what: libvirt's words".
  Callback(virConnectPtr connect, int event, virConnectDomainEventGenericCallback function, void* opaque,
           const std::string& what)
      : connect_(connect),
        id_(check(virConnectDomainEventRegisterAny(connect, nullptr, event, function, opaque, nullptr), what)) {}
  /// For events of QEMU's monitor, by QEMU's name. Throws the same.
  Callback(virConnectPtr connect, const char* event, virConnectDomainQemuMonitorEventCallback function, void* opaque,
           const std::string& what)
      : connect_(connect),
        of_qemu_(true),
        id_(check(virConnectDomainQemuMonitorEventRegister(connect, nullptr, event, function, opaque, nullptr, 0),
                  what)) {}
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;
  ~Callback() {
    if (of_qemu_)
      virConnectDomainQemuMonitorEventDeregister(connect_, id_);
    else
      virConnectDomainEventDeregisterAny(connect_, id_);
  }

 private:
  virConnectPtr connect_;
  bool of_qemu_ = false;
  int id_;
};

}  // namespace kvmtest::libvirt
