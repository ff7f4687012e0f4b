#include "libvirt/disks.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "core/input_error.h"
#include "libvirt/written.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

/// What a disk is now, and its overlay's base will be.
struct Base {
  std::string name;            ///< as QEMU names it
  const char* type = "file";   ///< of libvirt's backingStore
  const char* path = nullptr;  ///< the attribute of <source> that has the name; null: the source stays as it is
};

std::string name_of(const pugi::xml_node& disk) {
  return fmt::format("disk {}", disk.child("target").attribute("dev").as_string("without a target"));
}

bool is_there(const pugi::xml_node& node, const char* attribute) { return *node.attribute(attribute).value() != '\0'; }

/// Whether the guest can write nothing to it.
bool is_never_written(const pugi::xml_node& disk) {
  const std::string_view device = disk.attribute("device").as_string("disk");
  const auto source = disk.child("source");
  const bool empty = !source || (!source.first_child() &&
                                 (!source.first_attribute() || (source.first_attribute() == source.last_attribute() &&
                                                                source.attribute("startupPolicy"))));
  return device == "cdrom" || disk.child("readonly") || (empty && device == "floppy");
}

/// libvirt leaves out the image of a drive that may be empty, where that is gone.
bool may_be_missing(const pugi::xml_node& source, const std::string& file) {
  const std::string_view policy = source.attribute("startupPolicy").value();
  std::error_code error;
  return (policy == "optional" || policy == "requisite") && !fs::exists(file, error);
}

void refuse_what_has_no_overlay(const pugi::xml_node& disk) {
  const std::string what = name_of(disk);
  const auto source = disk.child("source");
  if (std::string_view(disk.attribute("device").value()) == "lun")
    refuse(what,
           "a lun passes the guest's SCSI commands on to the host's device, which no reset takes back; "
           "make it device='disk', or <readonly/>");
  if (disk.child("shareable"))
    refuse(what,
           "two guests that write to one <shareable/> disk cannot be taken back one by one; "
           "make it <readonly/>, or take <shareable/> out");
  for (const auto& node : {disk, source}) {
    if (node.child("encryption")) refuse(what, "it is encrypted, and its overlay would have to know the secret");
    if (node.child("auth")) refuse(what, "its <auth> is a secret of libvirt's, which its overlay would have to know");
  }
  if (source.child("slices")) refuse(what, "it is a slice of an image; give it an image of its own");
  if (source.attribute("fdgroup")) refuse(what, "its image is a file descriptor of somebody's; name the file");
}

Base base_in_volume(const pugi::xml_node& source, const std::string& what, const Surroundings& surroundings) {
  const std::string pool = source.attribute("pool").value();
  const std::string volume = source.attribute("volume").value();
  if (!surroundings.volume)
    refuse(what, fmt::format("volume {} of pool {}: the embedded libvirt has no storage pools; name the volume's file, "
                             "or set hypervisor.uri",
                             volume, pool));
  const std::string path = surroundings.volume(pool, volume);
  if (!path.starts_with('/'))
    refuse(what, fmt::format("volume {} of pool {} is no file of this machine: {}", volume, pool, path));
  std::error_code error;
  return fs::is_block_file(path, error) ? Base{path, "block", "dev"} : Base{path, "file", "file"};
}

Base base_of(const pugi::xml_node& disk, const Surroundings& surroundings) {
  const std::string what = name_of(disk);
  const auto source = disk.child("source");
  const std::string_view type = disk.attribute("type").as_string("file");
  if (type == "volume") return base_in_volume(source, what, surroundings);
  if (type == "network") return {address_of(source, what), "network"};
  const bool block = type == "block";
  if (!block && type != "file")
    refuse(what, fmt::format("no overlay can be above a disk of type '{}'; make it <readonly/>, or an image", type));
  const char* attribute = block ? "dev" : "file";
  if (!is_there(source, attribute)) refuse(what, fmt::format("its <source> has no {}", attribute));
  const fs::path path = source.attribute(attribute).value();
  if (!path.is_absolute()) refuse(what, fmt::format("'{}' is no absolute path", path.string()));
  return {path, block ? "block" : "file", attribute};
}

void set(pugi::xml_node node, const char* name, const char* value) {
  auto attribute = node.attribute(name);
  if (!attribute) attribute = node.append_attribute(name);
  attribute.set_value(value);
}

/// libvirt's own numbers of a running chain, as `virsh dumpxml` shows them.
void without_numbers(pugi::xml_node store) {
  for (; store; store = store.child("backingStore")) {
    store.remove_attribute("index");
    store.child("source").remove_attribute("index");
  }
}

/// The disk's image becomes what its overlay is above, with whatever is described below it.
void put_above(pugi::xml_node disk, const Base& base, const std::string& format, const fs::path& overlay) {
  // A transient disk is what every disk is now; a mirror is a copy job of a running domain.
  for (const char* part : {"transient", "mirror"}) disk.remove_child(part);
  const auto source = disk.child("source");
  const auto below = disk.child("backingStore");
  auto store = disk.append_child("backingStore");
  store.append_attribute("type").set_value(base.type);
  store.append_child("format").append_attribute("type").set_value(format.c_str());
  auto moved = store.append_move(source);
  moved.remove_attribute("startupPolicy");
  moved.remove_child("reservations");
  if (base.path != nullptr) {
    for (const char* part : {"pool", "volume", "mode", "file", "dev"}) moved.remove_attribute(part);
    set(moved, base.path, base.name.c_str());
  }
  if (below) store.append_move(below);
  without_numbers(store);
  set(disk, "type", "file");
  disk.prepend_child("source").append_attribute("file").set_value(overlay.c_str());
}

/// An I/O error is a fault of the host's files, and stops the domain, unless the description says otherwise: the guest
/// is not to take it for one of its disk's.
void stop_on_errors(const pugi::xml_node& disk, pugi::xml_node driver) {
  const std::string_view bus = disk.child("target").attribute("bus").value();
  if (bus == "fdc" || bus == "sd" || std::string_view(disk.attribute("device").value()) == "floppy") return;
  if (driver.attribute("error_policy") || driver.attribute("rerror_policy")) return;
  set(driver, "error_policy", "stop");
  set(driver, "rerror_policy", "stop");
}

std::string host_of(const pugi::xml_node& source) {
  const auto host = source.child("host");
  std::string name = host.attribute("name").value();
  if (name.find(':') != std::string::npos && !name.starts_with('[')) name = '[' + name + ']';
  if (is_there(host, "port")) name += fmt::format(":{}", host.attribute("port").value());
  return name;
}

std::string rbd_address(const pugi::xml_node& source) {
  std::string address = fmt::format("rbd:{}", source.attribute("name").value());
  if (const auto snapshot = source.child("snapshot")) address += fmt::format("@{}", snapshot.attribute("name").value());
  std::string monitors;
  for (const auto& host : source.children("host")) {
    if (!monitors.empty()) monitors += "\\;";
    monitors += host.attribute("name").value();
    if (is_there(host, "port")) monitors += fmt::format("\\:{}", host.attribute("port").value());
  }
  if (!monitors.empty()) address += ":mon_host=" + monitors;
  if (const auto config = source.child("config")) address += fmt::format(":conf={}", config.attribute("file").value());
  return address;
}

}  // namespace

void refuse(const std::string& what, const std::string& why) { throw core::InputError(what + ": " + why); }

std::string address_of(const pugi::xml_node& source, const std::string& what) {
  constexpr std::array known{"host", "snapshot", "config", "timeout", "readahead", "reconnect", "seclabel"};
  const std::string protocol = source.attribute("protocol").value();
  const std::string name = source.attribute("name").value();
  for (const auto& part : source.children())
    if (part.type() == pugi::node_element &&
        std::none_of(known.begin(), known.end(), [&](std::string_view each) { return each == part.name(); }))
      refuse(what, fmt::format("its <{}> is nothing that an overlay can be told; do without, or make it <readonly/>",
                               part.name()));
  if (std::string_view(source.attribute("tls").value()) == "yes")
    refuse(what, "an overlay cannot be told the keys for TLS; do without, or make it <readonly/>");
  const auto host = source.child("host");
  const std::string_view transport = host.attribute("transport").as_string("tcp");
  if (protocol == "rbd") return rbd_address(source);
  if (protocol == "nbd" && transport == "unix")
    return fmt::format("nbd+unix:///{}?socket={}", name, host.attribute("socket").value());
  constexpr std::array plain{"nbd", "http", "https", "ftp", "ftps", "iscsi", "gluster", "ssh"};
  if (transport != "tcp" ||
      std::none_of(plain.begin(), plain.end(), [&](std::string_view each) { return each == protocol; }))
    refuse(what, fmt::format("no overlay can be above a disk over {}{}; make it <readonly/>, or an image",
                             protocol.empty() ? "no protocol" : protocol,
                             transport == "tcp" ? "" : fmt::format(" ({})", transport)));
  std::string path = name.starts_with('/') ? name.substr(1) : name;
  if (protocol == "iscsi" && path.find('/') == std::string::npos) path += "/0";
  if (is_there(source, "query")) path += fmt::format("?{}", source.attribute("query").value());
  return fmt::format("{}://{}/{}", protocol, host_of(source), path);
}

void put_disks_on_overlays(pugi::xml_node domain, const Surroundings& surroundings, std::vector<LiveFile>& files) {
  for (auto disk : domain.child("devices").children("disk")) {
    if (is_never_written(disk)) continue;
    refuse_what_has_no_overlay(disk);
    const Base base = base_of(disk, surroundings);
    if (may_be_missing(disk.child("source"), base.name)) continue;
    auto driver = disk.child("driver");
    if (!driver) driver = disk.prepend_child("driver");
    // Nobody may be made to believe what a raw image's first bytes say: its guest writes them. So says libvirt, too.
    const std::string format = driver.attribute("type").as_string("raw");
    std::string target = disk.child("target").attribute("dev").as_string("disk");
    std::replace(target.begin(), target.end(), '/', '_');
    const LiveFile overlay{LiveFile::Kind::overlay, surroundings.directory / (target + ".qcow2"), base.name, format};
    put_above(disk, base, format, overlay.file);
    set(driver, "name", "qemu");
    set(driver, "type", "qcow2");
    // Nothing of it outlives the domain: a guest's flush need not wait for the host's disk.
    set(driver, "cache", "unsafe");
    driver.remove_attribute("io");  // "native" goes with uncached files only
    stop_on_errors(disk, driver);
    files.push_back(overlay);
  }
}

}  // namespace kvmtest::libvirt
