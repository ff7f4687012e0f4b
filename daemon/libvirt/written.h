#pragma once
// The parts of with_live_files (libvirt/live_files.h), by what is written. Each changes the domain's description and
// adds the files that it names now; each throws core::InputError for what it refuses.

#include <filesystem>
#include <string>
#include <vector>

#include <pugixml.hpp>

#include "libvirt/live_files.h"

namespace kvmtest::libvirt {

/// Disks that the guest can write to, of every type that libvirt knows. libvirt/disks.cpp.
void put_disks_on_overlays(pugi::xml_node domain, const Surroundings& surroundings, std::vector<LiveFile>& files);

/// UEFI's variables, or a whole firmware that may be written. libvirt/firmware.cpp.
void copy_firmware(pugi::xml_node domain, const std::filesystem::path& directory, std::vector<LiveFile>& files);

/// Everything else among the devices. libvirt/devices.cpp.
void keep_devices_apart(pugi::xml_node domain, const std::filesystem::path& directory, std::vector<LiveFile>& files);

/// Words for QEMU that libvirt passes on as they are: none of them may give the guest a disk. libvirt/devices.cpp.
void check_commandline(pugi::xml_node domain);

/// Refuses a device: throws core::InputError.
[[noreturn]] void refuse(const std::string& what, const std::string& why);

}  // namespace kvmtest::libvirt
