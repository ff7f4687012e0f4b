#pragma once
// Disk images on the host, by qemu-img, and what lies below them.

#include <filesystem>
#include <string>
#include <vector>

namespace kvmtest::libvirt {

/// Makes an empty qcow2 image above `base`, which QEMU names so (a path, an address) and which is of that format
/// (empty: raw). Throws engine::HostFault with qemu-img's words. Any thread.
void make_overlay(const std::filesystem::path& file, const std::string& base, const std::string& format);

/// Makes an empty qcow2 image that no guest sees, for a domain's saved memory. Throws engine::HostFault. Any thread.
void make_memory_image(const std::filesystem::path& file);

/// The files that an image on this machine needs below it, as its header names them, and theirs: backing files and
/// external data (QEMU, docs/interop/qcow2.txt). Only for telling whether any of them changed: which of them a guest
/// is given is libvirt's business.
std::vector<std::filesystem::path> images_below(const std::filesystem::path& image);

}  // namespace kvmtest::libvirt
