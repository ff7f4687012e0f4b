#include "libvirt/live_files.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>
#include <pugixml.hpp>

#include "core/input_error.h"
#include "domains/xml_text.h"
#include "engine/file_system.h"
#include "engine/hypervisor.h"
#include "libvirt/images.h"
#include "libvirt/qemu_user.h"
#include "libvirt/written.h"

namespace kvmtest::libvirt {

namespace fs = std::filesystem;
using engine::HostFault;

std::string with_live_files(const std::string& domain_xml, const Surroundings& surroundings,
                            std::vector<LiveFile>& files) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  const auto domain = document.child("domain");
  put_disks_on_overlays(domain, surroundings, files);
  copy_firmware(domain, surroundings.directory, files);
  keep_devices_apart(domain, surroundings.directory, files);
  check_commandline(domain);
  for (LiveFile& file : files) file.owner = surroundings.owner;
  return domains::text_of(document);
}

namespace {

void copy_base(const LiveFile& file) {
  std::error_code error;
  if (file.base.empty() || !fs::exists(file.base, error)) return;
  if (!fs::copy_file(file.base, file.file, error) || error)
    throw HostFault(fmt::format("{}: cannot be copied to {}: {}{}", file.base, file.file.string(), error.message(),
                                engine::if_full(file.file)));
  // The base may be read-only, or somebody else's.
  fs::permissions(file.file, fs::perms::owner_read | fs::perms::owner_write, error);
}

}  // namespace

void make_live_file(const LiveFile& file) {
  std::error_code error;
  fs::create_directories(file.file.parent_path(), error);
  fs::remove(file.file, error);
  if (file.kind == LiveFile::Kind::output) {
    // QEMU makes it where it may.
    if (file.owner) std::ofstream(file.file).flush();
  } else if (file.kind == LiveFile::Kind::overlay) {
    make_overlay(file.file, file.base, file.base_format);
  } else {
    copy_base(file);
  }
  if (file.owner && fs::exists(file.file, error)) give(file.file, *file.owner);
}

void check_base(const LiveFile& file) {
  if (!file.base.starts_with('/')) return;
  // Firmware's variables that are not there yet are made by libvirt.
  if (access(file.base.c_str(), R_OK) == 0 || (errno == ENOENT && file.kind != LiveFile::Kind::overlay)) return;
  throw core::InputError(fmt::format("{} {}: {}",
                                     file.kind == LiveFile::Kind::overlay ? "disk image" : "firmware's variables",
                                     file.base, std::strerror(errno)));
}

bool has_tpm(const std::string& domain_xml) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  return static_cast<bool>(document.child("domain").child("devices").child("tpm"));
}

}  // namespace kvmtest::libvirt
