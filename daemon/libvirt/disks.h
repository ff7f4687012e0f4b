#pragma once
// How QEMU names what a disk's <source> describes.

#include <string>

#include <pugixml.hpp>

namespace kvmtest::libvirt {

/// The address of a network disk's <source> in QEMU's words: nbd://host:10809/export. `what` names the disk in errors.
/// Throws core::InputError for a protocol, or a way to use it, that has none. Pure.
std::string address_of(const pugi::xml_node& source, const std::string& what);

}  // namespace kvmtest::libvirt
