// UEFI keeps its variables (the order of boot, what the guest's boot loader noted) in a flash chip that it writes to.
// The chip is a file on the host, named by the description or made by libvirt: each domain has a copy of its own.
//
// A saved state holds the chip's contents with the machine's memory, and QEMU writes them into the file again when the
// state has been loaded (hw/block/pflash_cfi01.c, postload_update_cb), so the file itself needs no snapshot.

#include <string_view>

#include <fmt/format.h>

#include "libvirt/written.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

bool is_flash(const pugi::xml_node& os, const pugi::xml_node& loader) {
  if (std::string_view(loader.attribute("type").value()) == "pflash") return true;
  return !loader.attribute("type") && std::string_view(os.attribute("firmware").value()) == "efi";
}

/// A firmware image that holds its variables itself, and is written to (formatdomain, loader: readonly).
bool is_written(const pugi::xml_node& loader) {
  return *loader.text().get() != '\0' && std::string_view(loader.attribute("readonly").value()) != "yes";
}

void copy_variables(pugi::xml_node os, const pugi::xml_node& loader, const fs::path& copy,
                    std::vector<LiveFile>& files) {
  auto nvram = os.child("nvram");
  if (!nvram) nvram = loader ? os.insert_child_after("nvram", loader) : os.append_child("nvram");
  const std::string_view type = nvram.attribute("type").as_string("file");
  if (type != "file")
    refuse("nvram", fmt::format("a copy cannot be made of UEFI variables of type '{}'; name a file", type));
  auto source = nvram.child("source");
  const std::string base = source ? source.attribute("file").value() : nvram.text().get();
  if (!base.empty() && !base.starts_with('/')) refuse("nvram", fmt::format("'{}' is no absolute path", base));
  if (source)
    source.attribute("file").set_value(copy.c_str());
  else
    nvram.text().set(copy.c_str());
  files.push_back({LiveFile::Kind::copy, copy, base});
}

}  // namespace

void copy_firmware(pugi::xml_node domain, const fs::path& directory, std::vector<LiveFile>& files) {
  auto os = domain.child("os");
  auto loader = os.child("loader");
  if (!is_flash(os, loader) || std::string_view(loader.attribute("stateless").value()) == "yes") return;
  if (is_written(loader)) {
    const fs::path copy = directory / "loader.fd";
    const std::string base = loader.text().get();
    if (!base.starts_with('/')) refuse("loader", fmt::format("'{}' is no absolute path", base));
    files.push_back({LiveFile::Kind::copy, copy, base});
    loader.text().set(copy.c_str());
    if (!os.child("nvram")) return;
  }
  copy_variables(os, loader, directory / "nvram.fd", files);
}

}  // namespace kvmtest::libvirt
