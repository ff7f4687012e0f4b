#include "libvirt/places.h"

#include <cerrno>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/open_directory.h"
#include "base/private_directory.h"
#include "engine/file_system.h"
#include "engine/hypervisor.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using engine::HostFault;

constexpr const char* tmpfs = "/dev/shm";
// The store's directories in RAM begin so; what follows names the state directory.
constexpr const char* ram_name = "kvmtest-";

/// The directories of state directories that are gone.
void remove_left_over(const base::OpenDirectory& all, const std::string& mine) {
  constexpr std::size_t longest_path = 4096;
  for (const auto& entry : all.list()) {
    if (entry.kind != base::OpenDirectory::Kind::directory || entry.name == mine || !entry.name.starts_with(ram_name))
      continue;
    try {
      const auto owner = all.read(fs::path(entry.name) / "owner", longest_path);
      std::error_code error;
      if (owner && !owner->bytes.empty() && !fs::exists(owner->bytes.substr(0, owner->bytes.find('\n')), error))
        all.remove(entry.name);
    } catch (const base::FileError&) {
      // It is another user's.
    }
  }
}

}  // namespace

std::uint64_t bytes_in_file(const fs::path& file) {
  struct stat status {};
  return stat(file.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) * 512 : 0;
}

std::uint64_t bytes_in(const fs::path& directory) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    bytes += entry->is_directory(gone) ? bytes_in(entry->path()) : bytes_in_file(entry->path());
  }
  return bytes;
}

fs::path Places::Turn::choose(std::uint64_t bytes, bool spilled) const {
  const Options& options = places_.options_;
  std::error_code error;
  if (!options.ram.empty() && !spilled) {
    fs::create_directories(options.ram, error);
    const auto space = fs::space(options.ram, error);
    if (!error && space.available > bytes && places_.in_ram() + bytes <= options.ram_budget) return options.ram;
  }
  const auto space = fs::space(options.directory, error);
  if (error || space.available < bytes + options.disk_reserve)
    throw HostFault(
        fmt::format("no room for {} MiB of a saved state, neither in RAM nor in {}: {}, of which {} MiB "
                    "stay so (state_min_free)",
                    bytes >> 20U, options.directory.string(), engine::file_system_of(options.directory),
                    options.disk_reserve >> 20U));
  return options.directory;
}

std::vector<fs::path> Places::roots() const {
  if (options_.ram.empty()) return {options_.directory};
  return {options_.ram, options_.directory};
}

std::uint64_t Places::in_ram() const { return options_.ram.empty() ? 0 : bytes_in(options_.ram); }

fs::path ram_directory(const fs::path& state_dir) {
  struct statfs filesystem {};
  if (statfs(tmpfs, &filesystem) != 0 || filesystem.f_type != TMPFS_MAGIC || access(tmpfs, W_OK) != 0) return {};
  const std::string name = ram_name + base::short_digest_of(state_dir.string());
  try {
    const base::OpenDirectory all{fs::path(tmpfs)};
    remove_left_over(all, name);
    // Not somebody else's directory of that name, nor a link to one.
    const base::OpenDirectory mine = all.make(name, 0700);
    struct stat status {};
    if (fstat(mine.descriptor(), &status) != 0 || !base::is_ours(status.st_uid)) return {};
    // QEMU may run as another user, who finds its own file there and lists nothing.
    if (fchmod(mine.descriptor(), 0711) != 0) return {};
    mine.write("owner", state_dir.string() + "\n");
    return mine.path();
  } catch (const base::FileError&) {
    return {};
  }
}

}  // namespace kvmtest::libvirt
