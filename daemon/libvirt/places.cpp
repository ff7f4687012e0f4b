#include "libvirt/places.h"

#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

#include "engine/file_system.h"
#include "engine/hypervisor.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using engine::HostFault;

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

}  // namespace kvmtest::libvirt
