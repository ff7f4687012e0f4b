#include "engine/file_system.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <mntent.h>
#include <sys/statvfs.h>

namespace kvmtest::engine {
namespace {

namespace fs = std::filesystem;

struct FileSystem {
  std::string mounted_on;
  std::string type;
  std::uint64_t free = 0;
};

bool lies_in(const std::string& path, const std::string& directory) {
  if (directory == "/") return true;
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

/// Of a directory or file that is there.
std::optional<FileSystem> find(const fs::path& path) {
  struct statvfs room {};
  if (statvfs(path.c_str(), &room) != 0) return std::nullopt;
  FileSystem found;
  found.free = std::uint64_t{room.f_bavail} * room.f_frsize;
  // The last of those that lie deepest hides the others.
  const std::unique_ptr<FILE, int (*)(FILE*)> mounts(setmntent("/proc/self/mounts", "re"), endmntent);
  if (!mounts) return std::nullopt;
  std::array<char, 8192> buffer{};
  for (mntent mount{}; getmntent_r(mounts.get(), &mount, buffer.data(), static_cast<int>(buffer.size())) != nullptr;) {
    const std::string where = mount.mnt_dir;
    if (!lies_in(path, where) || where.size() < found.mounted_on.size()) continue;
    found.mounted_on = where;
    found.type = mount.mnt_type;
  }
  // In a root directory that is no file system of its own, as chroot makes it.
  if (found.mounted_on.empty()) found.mounted_on = "/";
  return found;
}

std::optional<FileSystem> nearest(const fs::path& file) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(file, error);
  if (error) path = file;
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return find(path);
}

std::string text(const FileSystem& file_system) {
  const std::uint64_t mib = file_system.free >> 20U;
  return fmt::format("the file system on {}{} has {} free", file_system.mounted_on,
                     file_system.type.empty() ? "" : " (" + file_system.type + ")",
                     mib == 0 ? fmt::format("{} KiB", file_system.free >> 10U) : fmt::format("{} MiB", mib));
}

}  // namespace

std::string file_system_of(const fs::path& file) {
  const auto found = nearest(file);
  return found ? text(*found) : "";
}

std::string if_full(const fs::path& file) {
  constexpr std::uint64_t full = 2U << 20U;
  const auto found = nearest(file);
  return found && found->free < full ? "; " + text(*found) : "";
}

}  // namespace kvmtest::engine
