#pragma once
// What decides about the guest in a domain's description: it names the saved state (adr/0008).

#include <string>
#include <vector>

#include "libvirt/live_files.h"

namespace kvmtest::libvirt {

/// Everything in a domain's XML but the domain's own name and marks and the names of its networks, followed by each
/// file that it or one of its bases (`files`) refers to, with size and dates, and of a block device how much was ever
/// written to it. `relabelled`: libvirt gives the files another owner or label with each start, so that the date of
/// their last change of any kind says nothing. Any thread.
std::string shape_of(const std::string& domain_xml, const std::vector<LiveFile>& files, bool relabelled = false);

}  // namespace kvmtest::libvirt
