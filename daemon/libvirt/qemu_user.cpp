#include "libvirt/qemu_user.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <pugixml.hpp>

#include "domains/xml_text.h"
#include "engine/hypervisor.h"
#include "libvirt/images.h"
#include "process/run.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

/// What the mode's three bits for that user hold all of `bits`.
bool permits(const struct stat& status, uid_t user, unsigned bits) {
  const unsigned shift = status.st_uid == user ? 6 : status.st_gid == user ? 3 : 0;
  return (status.st_mode >> shift & bits) == bits;
}

constexpr unsigned may_read = 4;
constexpr unsigned may_write = 2;
constexpr unsigned may_pass = 1;

bool permits(const fs::path& path, uid_t user, unsigned bits) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && permits(status, user, bits);
}

/// Whether the user gets to it, through every directory above it as it is written and as it is.
bool reaches(const fs::path& path, uid_t user) {
  std::error_code error;
  for (const fs::path& way : {path, fs::canonical(path, error)})
    for (fs::path above = way.parent_path(); !above.empty(); above = above.parent_path()) {
      if (!permits(above, user, may_pass)) return false;
      if (above == above.root_path()) break;
    }
  return !error;
}

/// What is above the files of a description, and where QEMU finds them.
class Opener {
 public:
  Opener(uid_t user, const QemuUsers& users) : user_(user), users_(users) {}

  [[nodiscard]] const std::string& closed() const { return closed_; }

  /// `file` as the user finds it.
  std::string open(const std::string& file) {
    std::error_code error;
    if (!file.starts_with('/') || !fs::exists(file, error)) return file;
    if (!permits(file, user_, may_read)) return close_for(file, "only its owner may read it");
    if (reaches(file, user_)) return file;
    if (!fs::is_regular_file(file, error) || !users_.show_file) return close_for(file, "it lies where only others get");
    try {
      return users_.show_file(file);
    } catch (const std::exception& e) {
      return close_for(file, e.what());
    }
  }

  void open_text(pugi::xml_node node) {
    if (node && *node.text().get() != 0) node.text().set(open(node.text().get()).c_str());
  }

  void open_disk(pugi::xml_node disk) {
    for (const char* name : {"file", "dev"}) {
      auto attribute = disk.child("source").attribute(name);
      if (!attribute) continue;
      // QEMU finds these by what the image says.
      for (const fs::path& below : images_below(attribute.value()))
        if (!reaches(below, user_) || !permits(below, user_, may_read))
          close_for(below, "an image below a disk's, which only others may read");
      attribute.set_value(open(attribute.value()).c_str());
    }
    for (auto below = disk.child("backingStore"); below; below = below.child("backingStore")) {
      auto attribute = below.child("source").attribute("file");
      if (attribute) attribute.set_value(open(attribute.value()).c_str());
    }
  }

  void open_share(const pugi::xml_node& share) {
    const std::string directory = share.child("source").attribute("dir").value();
    if (directory.empty()) return;
    if (!share.child("readonly")) {
      close_for(directory, "it is shared to be written to");
    } else if (!reaches(directory, user_) || !permits(directory, user_, may_read | may_pass)) {
      close_for(directory, "it is shared, and only others get there");
    }
  }

  /// Some other device's, by any attribute.
  void look_at(const pugi::xml_node& device) {
    for (const auto& attribute : device.attributes()) {
      const std::string path = attribute.value();
      std::error_code error;
      if (!path.starts_with('/') || !fs::exists(path, error)) continue;
      if (!reaches(path, user_) || !permits(path, user_, may_read | may_write))
        close_for(path, "only others may use it");
    }
    for (const auto& child : device.children()) look_at(child);
  }

  std::string close_for(const std::string& path, const std::string& why) {
    if (closed_.empty()) closed_ = path + ": " + why;
    return path;
  }

 private:
  uid_t user_;
  const QemuUsers& users_;
  std::string closed_;
};

/// All that a node and what is in it name, and that is there.
void add_paths(const pugi::xml_node& node, std::vector<fs::path>& paths) {
  const auto add = [&](const fs::path& path) {
    std::error_code error;
    if (path.is_absolute() && fs::exists(path, error)) paths.push_back(path);
  };
  for (const auto& attribute : node.attributes()) add(attribute.value());
  if (node.type() == pugi::node_pcdata) add(node.value());
  for (const auto& child : node.children()) add_paths(child, paths);
}

/// As libvirt has it: the one that is named, or the first in PATH.
fs::path emulator_of(const pugi::xml_node& domain) {
  if (const std::string named = domain.child("devices").child("emulator").text().get(); !named.empty()) return named;
  const std::string_view machine = domain.child("os").child("type").attribute("arch").value();
  return process::find_program(fmt::format("qemu-system-{}", machine == "i686" ? "i386" : machine));
}

void start_by(pugi::xml_node& domain, const std::function<QemuStart(const QemuFiles&)>& how) {
  QemuFiles files{emulator_of(domain), {}};
  // libvirt says best what is wrong with it.
  if (std::error_code error; !files.emulator.is_absolute() || !fs::exists(files.emulator, error)) return;
  auto devices = domain.child("devices");
  devices.remove_child("emulator");
  add_paths(domain.child("os"), files.read);
  add_paths(devices, files.read);
  for (const auto& disk : devices.children("disk"))
    for (const char* name : {"file", "dev"})
      for (const fs::path& below : images_below(disk.child("source").attribute(name).value()))
        files.read.push_back(below);
  const QemuStart start = how(files);
  devices.prepend_child("emulator").text().set(start.program.c_str());
  auto variable = domains::add_for_qemu(domain, "env");
  variable.append_attribute("name").set_value(start.variable.c_str());
  variable.append_attribute("value").set_value(start.value.c_str());
}

}  // namespace

Opened open_to(const std::string& domain_xml, uid_t user, const QemuUsers& users) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  auto domain = document.child("domain");
  Opener opener(user, users);
  if (domain.child("seclabel")) opener.close_for("<seclabel>", "it says as whom");
  for (const auto& child : domain.children())
    if (domains::is_qemus(child, "commandline")) opener.close_for("<qemu:commandline>", "it may name any file");
  auto os = domain.child("os");
  if (os.child("nvram") || os.attribute("firmware")) opener.close_for("<nvram>", "libvirt makes firmware's variables");
  for (const char* name : {"kernel", "initrd", "dtb", "loader"}) opener.open_text(os.child(name));
  for (auto device : domain.child("devices").children()) {
    const std::string_view kind = device.name();
    if (kind == "disk") {
      opener.open_disk(device);
    } else if (kind == "filesystem") {
      opener.open_share(device);
    } else if (kind == "tpm") {
      opener.close_for("<tpm>", "its emulator runs as the daemon does");
    } else if (kind != "emulator") {
      opener.look_at(device);
    }
  }
  if (!opener.closed().empty()) return {domain_xml, std::nullopt, opener.closed()};
  return {domains::text_of(document), user, {}};
}

std::string run_as(const std::string& domain_xml, uid_t user, const QemuUsers& users) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  auto domain = document.child("domain");
  auto label = domain.append_child("seclabel");
  label.append_attribute("type").set_value("static");
  label.append_attribute("model").set_value("dac");
  label.append_attribute("relabel").set_value("no");
  label.append_child("label").text().set(fmt::format("+{0}:+{0}", user).c_str());
  if (users.start) start_by(domain, users.start);
  return domains::text_of(document);
}

void give(const fs::path& file, uid_t user) {
  constexpr mode_t passed_through = 0711;
  // The file's directories stay ours, so that we can always remove it.
  for (const fs::path& directory : {file.parent_path().parent_path(), file.parent_path()})
    if (chmod(directory.c_str(), passed_through) != 0)
      throw engine::HostFault(fmt::format("{}: {}", directory.string(), std::strerror(errno)));
  if (chmod(file.c_str(), S_IRUSR | S_IWUSR) != 0 || lchown(file.c_str(), user, user) != 0)
    throw engine::HostFault(fmt::format("{}: cannot be QEMU's: {}", file.string(), std::strerror(errno)));
}

}  // namespace kvmtest::libvirt
