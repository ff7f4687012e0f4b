#include "libvirt/shape.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "base/state_directory.h"
#include "domains/templates.h"
#include "domains/xml_text.h"
#include "libvirt/images.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

void add_files(const pugi::xml_node& node, std::set<std::string>& files) {
  for (const pugi::xml_node child : node.children()) {
    const std::string_view name = child.name();
    for (const char* attribute : {"file", "dev"})
      if (name == "source" && *child.attribute(attribute).value() == '/')
        files.insert(child.attribute(attribute).value());
    for (const char* file : {"kernel", "initrd", "dtb", "loader", "emulator", "nvram", "path"})
      if (name == file && *child.text().get() == '/') files.insert(child.text().get());
    if (name == "nvram") files.insert(child.attribute("template").value());
    add_files(child, files);
  }
}

/// The firmware that libvirt may choose for a domain that leaves it the choice (QEMU, docs/interop/firmware.json).
void add_firmware(std::set<std::string>& files) {
  for (const char* directory : {"/etc/qemu/firmware", "/usr/share/qemu/firmware"}) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
      std::ifstream in(entry->path());
      const auto description = nlohmann::json::parse(in, nullptr, false);
      if (!description.is_object()) continue;
      files.insert(entry->path());
      const auto mapping = description.value("mapping", nlohmann::json::object());
      for (const char* part : {"executable", "nvram-template"})
        if (mapping.contains(part)) files.insert(mapping.at(part).value("filename", ""));
    }
  }
}

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// A device's dates tell nothing of what is on it; the kernel counts what was written to it since it is there
/// (Documentation/block/stat.rst, the seventh number).
std::string device_stamp(const struct stat& status, std::set<std::string>& files) {
  const fs::path about = fmt::format("/sys/dev/block/{}:{}", major(status.st_rdev), minor(status.st_rdev));
  std::istringstream counts(first_line(about / "stat"));
  std::string written;
  for (int i = 0; i < 7; ++i) counts >> written;
  const std::string behind = first_line(about / "loop/backing_file");
  if (!behind.empty()) files.insert(behind);
  return fmt::format("device {}:{}, {} sectors, {} written since boot {}", major(status.st_rdev), minor(status.st_rdev),
                     first_line(about / "size"), written, first_line("/proc/sys/kernel/random/boot_id"));
}

/// What is behind an address may change unseen, so no other process is to use a state above it.
std::string address_stamp() {
  static const std::string process = fmt::format("{:08x}{:08x}", std::random_device()(), std::random_device()());
  return "known to process " + process;
}

std::string stamp(const std::string& file, bool relabelled, std::set<std::string>& files) {
  struct stat status {};
  if (!file.starts_with('/')) return address_stamp();
  if (stat(file.c_str(), &status) != 0) return "missing";
  if (S_ISBLK(status.st_mode)) return device_stamp(status, files);
  std::string text = fmt::format("{} bytes, inode {}, written {}.{:09}", status.st_size, status.st_ino,
                                 status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  if (!relabelled) text += fmt::format(", changed {}.{:09}", status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
  return text;
}

}  // namespace

std::string shape_of(const std::string& domain_xml, const std::vector<LiveFile>& live, bool relabelled) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  auto domain = document.child("domain");
  const auto owner = domains::owner_from(domain_xml);
  for (const char* own : {"name", "uuid", "metadata", "title", "description"}) domain.remove_child(own);
  for (auto interface : domain.child("devices").children("interface")) {
    interface.child("source").remove_attribute("bridge");
    interface.child("source").remove_attribute("network");
    interface.remove_child("target");
  }
  // What lies in it is a test's, and no state is saved while it is mounted: one is as good as another prefix' own.
  if (owner)
    for (auto share : domain.child("devices").children("filesystem"))
      if (share.child("source").attribute("dir").value() ==
          base::StateDirectory(owner->state_dir).share(core::Prefix{owner->prefix}))
        share.child("source").remove_attribute("dir");
  std::set<std::string> files;
  add_files(domain, files);
  if (domain.child("os").attribute("firmware")) add_firmware(files);
  for (const LiveFile& file : live) {
    if (file.kind == LiveFile::Kind::output || file.base.empty()) continue;
    files.insert(file.base);
    if (file.kind != LiveFile::Kind::overlay || !file.base.starts_with('/')) continue;
    for (const fs::path& below : images_below(file.base)) files.insert(below);
  }
  files.erase("");
  std::string shape = domains::text_of(document);
  std::set<std::string> more;
  for (const std::string& file : files) shape += fmt::format("{} {}\n", file, stamp(file, relabelled, more));
  for (const std::string& file : more) shape += fmt::format("{} {}\n", file, stamp(file, relabelled, files));
  return shape;
}

}  // namespace kvmtest::libvirt
