#pragma once
// Why a domain stands still that was not told to: QEMU stops a domain whose disk finds no room, a watchdog may, and so
// may somebody else's hand. Without a word for it, a test would wait for its time-out and be blamed.

#include <functional>
#include <optional>
#include <string>

#include "libvirt/monitor.h"

namespace kvmtest::libvirt {

/// What QEMU said of a domain's disk last; both empty: nothing.
struct DiskError {
  std::string path;
  std::string reason;  ///< libvirt's word, "enospc" for no room
};

/// In words, with the file system's name. Reads the host's table of mounts. Any thread.
std::string words_for(const DiskError& error);

/// What an event says by itself: VIR_DOMAIN_EVENT_SUSPENDED with its detail. Nothing: somebody has to look. Any thread.
std::optional<std::string> cause_of_stop(int detail, const DiskError& error);

/// Asks QEMU and libvirt; `error` is called for a domain that one of its disks stopped. Nothing: it runs, or it stands
/// still for something that is told on its own. Throws engine::HostFault for one that is gone. Any thread but
/// libvirt's.
std::optional<std::string> cause_of_stop_now(Monitor& monitor, virDomainPtr domain,
                                             const std::function<DiskError()>& error);

}  // namespace kvmtest::libvirt
