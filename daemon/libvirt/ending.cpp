#include "libvirt/ending.h"

#include <fmt/format.h>
#include <libvirt/libvirt.h>

namespace kvmtest::libvirt {

engine::End end_from(int event, int detail, const std::string& reason) {
  if (event == VIR_DOMAIN_EVENT_CRASHED || detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED)
    return {core::Fault::guest, "the guest crashed (its kernel panicked)"};
  switch (detail) {
    case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
      if (reason == "guest-reset") return {core::Fault::guest, "the guest rebooted", true};
      return {core::Fault::guest, "the guest switched itself off"};
    case VIR_DOMAIN_EVENT_STOPPED_DESTROYED: return {core::Fault::host, "somebody destroyed the domain"};
    case VIR_DOMAIN_EVENT_STOPPED_FAILED: return {core::Fault::host, "QEMU died"};
    default: return {core::Fault::host, fmt::format("the domain stopped (libvirt event detail {})", detail)};
  }
}

}  // namespace kvmtest::libvirt
