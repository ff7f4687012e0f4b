#pragma once
// What a daemon that died left of the embedded libvirt, in a state directory that is ours alone by now. Nothing of it
// may decide whether the next daemon starts: QEMUs are ended without libvirt, and what libvirt had written down about
// them, and about a start that was under way, is removed before it is read.

#include <filesystem>
#include <string>
#include <vector>

namespace kvmtest::libvirt {

/// Ends the QEMUs of `root` that run, and removes all that libvirt keeps there but its log and what it knows of QEMU's
/// capabilities: domains are defined anew by whoever wants them. The directory may have been moved or copied since:
/// QEMUs are found by the locks on their pid files, which stay with the files, and which copies do not have. Returns
/// libvirt's names of the domains that ran. No libvirt may be open there. Any thread.
std::vector<std::string> end_embedded_leftovers(const std::filesystem::path& root);

}  // namespace kvmtest::libvirt
