// What else than disks and firmware a guest can write to on the host.

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "domains/xml_text.h"
#include "libvirt/written.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

std::string_view value(const pugi::xml_node& node, const char* attribute) { return node.attribute(attribute).value(); }

/// Files that devices only print to. Two elements may describe one of them: a console is another name of the first
/// serial port.
class Outputs {
 public:
  Outputs(const fs::path& directory, std::vector<LiveFile>& files) : directory_(directory), files_(files) {}

  void redirect(pugi::xml_attribute path) {
    if (!path) return;
    const auto [own, added] =
        by_path_.try_emplace(path.value(), directory_ / fmt::format("output-{}.txt", by_path_.size() + 1));
    if (added) files_.push_back({LiveFile::Kind::output, own->second, path.value()});
    path.set_value(own->second.c_str());
  }

 private:
  const fs::path& directory_;
  std::vector<LiveFile>& files_;
  std::map<std::string, fs::path> by_path_;
};

void redirect_outputs(const pugi::xml_node& devices, Outputs& outputs) {
  for (const char* kind : {"serial", "console", "parallel", "channel"})
    for (const auto& device : devices.children(kind)) {
      if (value(device, "type") == "file") outputs.redirect(device.child("source").attribute("path"));
      outputs.redirect(device.child("log").attribute("file"));
    }
  for (const auto& audio : devices.children("audio"))
    if (value(audio, "type") == "file") outputs.redirect(audio.attribute("path"));
}

/// libvirt gives each domain a directory for an emulated TPM's state; it is emptied before each boot
/// (LibvirtHypervisor), unless the description wants to have it elsewhere or for longer.
void check_tpms(const pugi::xml_node& devices) {
  for (const auto& tpm : devices.children("tpm")) {
    auto backend = tpm.child("backend");
    const std::string_view type = value(backend, "type");
    if (type == "passthrough") refuse("tpm", "what a guest writes to the host's own TPM stays; use type='emulator'");
    if (type == "external")
      refuse("tpm", "what a guest writes to an emulator that is not libvirt's stays; use type='emulator'");
    if (backend.child("source"))
      refuse("tpm",
             "its state would be written to the place that <source> names; leave <source> out, and every boot "
             "finds a new TPM");
    backend.remove_attribute("persistent_state");
  }
}

/// A module's file is mapped privately: what the guest writes is memory, which a saved state has and nobody else sees.
void keep_memory_private(const pugi::xml_node& devices) {
  for (auto memory : devices.children("memory")) {
    const std::string_view model = value(memory, "model");
    auto source = memory.child("source");
    if (model == "virtio-pmem")
      refuse("memory", fmt::format("virtio-pmem is always written through to {}; use model='nvdimm'",
                                   source.child("path").text().get()));
    if (model != "nvdimm" || memory.child("target").child("readonly")) continue;
    auto access = memory.attribute("access");
    if (!access) access = memory.append_attribute("access");
    access.set_value("private");
    source.remove_child("pmem");  // how its writes reach the file, which they do not
  }
}

/// A PCI device's class, of which the first two digits tell what it is for: 01 is for storage; empty: unknown.
std::string pci_class(const pugi::xml_node& address) {
  const auto part = [&](const char* name) { return address.attribute(name).as_uint(); };
  std::ifstream in(fmt::format("/sys/bus/pci/devices/{:04x}:{:02x}:{:02x}.{:x}/class", part("domain"), part("bus"),
                               part("slot"), part("function")));
  std::string text;
  in >> text;
  return text.starts_with("0x") ? text.substr(2, 2) : "";
}

/// Of the host's own devices those are refused that may hold data: no reset takes that back.
void check_host_devices(const pugi::xml_node& devices) {
  for (const auto& device : devices.children("hostdev")) {
    const std::string_view type = value(device, "type");
    if (type == "mdev" || type == "net") continue;
    if (type == "pci") {
      const std::string kind = pci_class(device.child("source").child("address"));
      if (!kind.empty() && kind != "01") continue;
    }
    refuse(fmt::format("hostdev of type '{}'", type),
           "what a guest writes to a device of the host stays, and may be on a disk; take it out");
  }
}

void copy_crash_records(const pugi::xml_node& devices, const fs::path& directory, std::vector<LiveFile>& files) {
  auto path = devices.child("pstore").child("path");
  if (!path) return;
  const LiveFile copy{LiveFile::Kind::copy, directory / "pstore.raw", path.text().get()};
  path.text().set(copy.file.c_str());
  files.push_back(copy);
}

}  // namespace

void keep_devices_apart(pugi::xml_node domain, const fs::path& directory, std::vector<LiveFile>& files) {
  const auto devices = domain.child("devices");
  Outputs outputs(directory, files);
  redirect_outputs(devices, outputs);
  check_tpms(devices);
  keep_memory_private(devices);
  check_host_devices(devices);
  copy_crash_records(devices, directory, files);
  if (const auto shared = devices.child("shmem"))
    refuse(fmt::format("shmem {}", value(shared, "name")),
           "memory that domains share outlives them, and no reset takes it back; take it out");
}

void check_commandline(pugi::xml_node domain) {
  constexpr std::array disks{"-drive",  "-blockdev", "-hda", "-hdb", "-hdc", "-hdd",
                             "-pflash", "-mtdblock", "-sd",  "-fda", "-fdb"};
  const auto words = domains::qemu_arguments(domain);
  for (auto word = words.begin(); word != words.end(); ++word) {
    std::string name(*word);
    if (name.starts_with("--")) name.erase(0, 1);
    if (std::find(disks.begin(), disks.end(), name) == disks.end()) continue;
    const std::string what = word + 1 == words.end() ? "" : *(word + 1);
    const auto says = [&](const char* text) { return what.find(text) != std::string::npos; };
    // QEMU's own ways to say that nothing is written, or not to stay.
    if (says("readonly=on") || says("read-only=on") || says("\"read-only\":true") || says("\"read-only\": true") ||
        says("snapshot=on") || says("media=cdrom"))
      continue;
    refuse(fmt::format("qemu:arg {} {}", name, what),
           "no overlay is put above a disk that libvirt does not know; describe it as <disk>, or make it read-only");
  }
}

}  // namespace kvmtest::libvirt
