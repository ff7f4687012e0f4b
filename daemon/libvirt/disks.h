#pragma once
// Disks of domains: whatever a template names as a writable disk image is a base, never written. Each domain writes to
// a copy-on-write overlay of its own, made anew for each boot.

#include <filesystem>
#include <string>
#include <vector>

namespace kvmtest::libvirt {

struct Overlay {
  std::filesystem::path file;
  std::filesystem::path base;
  std::string base_format;  ///< as the template says; empty: raw
};

/// The domain's XML with its disks on overlays in `directory`, and what they are. CD-ROMs, read-only, shareable and
/// transient disks, and those that are no files, stay as they are.
std::string with_overlays(const std::string& domain_xml, const std::filesystem::path& directory,
                          std::vector<Overlay>& overlays);

/// Makes the overlay, empty, in place of one that is there. Throws engine::HostFault with qemu-img's words. Any thread.
void make_overlay(const Overlay& overlay);

/// Makes an empty qcow2 image that no guest sees, for a domain's saved memory. Throws engine::HostFault. Any thread.
void make_memory_image(const std::filesystem::path& file);

/// What decides about the guest in a domain's XML: everything but the domain's own name and marks and the names of its
/// networks, followed by each file it refers to with size and dates. `relabelled`: libvirt gives the files another
/// owner or label with each start, so that the date of their last change of any kind says nothing.
std::string shape_of(const std::string& domain_xml, bool relabelled = false);

}  // namespace kvmtest::libvirt
