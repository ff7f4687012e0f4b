#pragma once
// A running domain's state in QEMU's own snapshots, in the same process. The machine's state lies in a qcow2 node that
// no guest device sees, so that a domain without a disk has one too; the disks' overlays hold theirs themselves.

#include <filesystem>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libvirt/handles.h"
#include "libvirt/live_files.h"
#include "libvirt/monitor.h"

namespace kvmtest::libvirt {

/// Gives QEMU that file (libvirt/images.h, make_memory_image) for the machine's state. Throws engine::HostFault.
void attach_memory(Monitor& monitor, virDomainPtr domain, const std::filesystem::path& file);

/// The nodes of QEMU's block layer whose state belongs to the guest's: the memory's and the writable disks'. `files`:
/// the domain's own. Throws engine::HostFault for a disk that cannot hold a state.
nlohmann::json nodes_of(Monitor& monitor, virDomainPtr domain, const std::vector<LiveFile>& files);

/// Saves the state of a domain that is stopped into `memory`, made for it, and its disks' overlays, and returns the
/// nodes that hold it. QEMU may let the domain go on. Throws engine::HostFault; then `memory` is not in use, and gone.
nlohmann::json save_state(Monitor& monitor, virDomainPtr domain, const std::filesystem::path& memory,
                          const std::vector<LiveFile>& files);

/// Goes back to the state that these nodes hold. QEMU stops the domain for it, and lets it go on when it was running
/// before. Throws engine::HostFault.
void load_state(Monitor& monitor, virDomainPtr domain, const nlohmann::json& nodes);

/// Waits until the guest has nothing more to do after its boot, 5 s at most: it would do the rest of it again after
/// each reset. Idle is a tenth of one processor's time, in two looks in a row. Throws engine::HostFault.
void settle(virDomainPtr domain);

}  // namespace kvmtest::libvirt
