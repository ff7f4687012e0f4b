#include "libvirt/disks.h"

#include <cerrno>
#include <cstring>
#include <set>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <pugixml.hpp>

#include "engine/hypervisor.h"
#include "libvirt/xml_text.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): not declared by every unistd.h

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using engine::HostFault;

/// Runs qemu-img; its first line of complaint becomes the error.
void qemu_img(std::vector<std::string> arguments, const fs::path& about) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw HostFault(fmt::format("pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  arguments.insert(arguments.begin(), "qemu-img");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, "qemu-img", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string words;
  char buffer[4096];
  if (error == 0)
    for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
      words.append(buffer, static_cast<std::size_t>(got));
  close(ends[0]);
  if (error != 0) throw HostFault(fmt::format("qemu-img: {}; run scripts/bootstrap run", std::strerror(error)));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) throw HostFault(fmt::format("{}: {}", about.string(), words.substr(0, words.find('\n'))));
}

bool is_written(const pugi::xml_node& disk) {
  const std::string_view device = disk.attribute("device").as_string("disk");
  return std::string_view(disk.attribute("type").value()) == "file" && device == "disk" && !disk.child("readonly") &&
         !disk.child("shareable") && !disk.child("transient") && disk.child("source").attribute("file");
}

void add_files(const pugi::xml_node& node, std::set<std::string>& files) {
  for (const pugi::xml_node child : node.children()) {
    if (const auto file = child.attribute("file")) files.insert(file.value());
    const std::string_view name = child.name();
    if (name == "kernel" || name == "initrd" || name == "dtb" || name == "loader" || name == "emulator")
      files.insert(child.text().as_string());
    if (name == "nvram") files.insert(child.attribute("template").value());
    add_files(child, files);
  }
}

}  // namespace

std::string with_overlays(const std::string& domain_xml, const fs::path& directory, std::vector<Overlay>& overlays) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  for (auto disk : document.child("domain").child("devices").children("disk")) {
    if (!is_written(disk)) continue;
    auto driver = disk.child("driver");
    if (!driver) driver = disk.prepend_child("driver");
    const auto set = [&](const char* name, const char* value) {
      auto attribute = driver.attribute(name);
      if (!attribute) attribute = driver.append_attribute(name);
      attribute.set_value(value);
    };
    auto source = disk.child("source").attribute("file");
    const Overlay overlay{directory / (std::string(disk.child("target").attribute("dev").as_string("disk")) + ".qcow2"),
                          source.value(), driver.attribute("type").as_string("raw")};
    source.set_value(overlay.file.c_str());
    set("name", "qemu");
    set("type", "qcow2");
    // Nothing of it outlives the domain: a guest's flush need not wait for the host's disk.
    set("cache", "unsafe");
    driver.remove_attribute("io");  // "native" goes with uncached files only
    overlays.push_back(overlay);
  }
  return text_of(document);
}

void make_overlay(const Overlay& overlay) {
  std::error_code error;
  fs::create_directories(overlay.file.parent_path(), error);
  fs::remove(overlay.file, error);
  qemu_img({"create", "-q", "-f", "qcow2", "-F", overlay.base_format.empty() ? "raw" : overlay.base_format, "-b",
            overlay.base, overlay.file},
           overlay.base);
}

void make_memory_image(const fs::path& file) {
  // Its own size is of no use: QEMU puts the memory behind the end.
  qemu_img({"create", "-q", "-f", "qcow2", file, "1M"}, file);
}

std::string shape_of(const std::string& domain_xml, bool relabelled) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  auto domain = document.child("domain");
  for (const char* own : {"name", "uuid", "metadata", "title", "description"}) domain.remove_child(own);
  for (auto interface : domain.child("devices").children("interface")) {
    interface.child("source").remove_attribute("bridge");
    interface.child("source").remove_attribute("network");
    interface.remove_child("target");
  }
  std::set<std::string> files;
  add_files(domain, files);
  std::string shape = text_of(document);
  for (const std::string& file : files) {
    struct stat status {};
    if (file.empty()) continue;
    if (stat(file.c_str(), &status) != 0) {
      shape += fmt::format("{} missing\n", file);
      continue;
    }
    shape += fmt::format("{} {} bytes, inode {}, written {}.{:09}", file, status.st_size, status.st_ino,
                         status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    if (!relabelled) shape += fmt::format(", changed {}.{:09}", status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
    shape += '\n';
  }
  return shape;
}

}  // namespace kvmtest::libvirt
