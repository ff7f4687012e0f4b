#include "engine/claim.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/errors.h"
#include "engine/hypervisor.h"

namespace kvmtest::engine {

namespace fs = std::filesystem;

Claims::Claims(fs::path directory, fs::path state_dir)
    : directory_(std::move(directory)), state_dir_(std::move(state_dir)) {}

Claims::~Claims() {
  for (const auto& [prefix, file] : held_) close(file);
}

fs::path Claims::default_directory(const std::string& uri) {
  const fs::path base = "/run/lock/kvmtest";
  // The embedded drivers of a machine, and its system libvirt, meet on the machine's bridges and so on one directory.
  if (uri.empty() || uri.find("://") == std::string::npos || uri.find(":///") != std::string::npos)
    return base / "local";
  return base / fmt::format("remote-{:016x}", std::hash<std::string>{}(uri));
}

void Claims::claim(const std::vector<core::Prefix>& prefixes) {
  const std::lock_guard guard(mutex_);
  std::map<core::Prefix, int> taken;
  try {
    for (const core::Prefix& prefix : prefixes)
      if (!held_.contains(prefix)) taken[prefix] = lock(prefix);
  } catch (...) {
    for (const auto& [prefix, file] : taken) close(file);
    throw;
  }
  held_.merge(taken);
}

void Claims::release(const core::Prefix& prefix) {
  const std::lock_guard guard(mutex_);
  const auto found = held_.find(prefix);
  if (found == held_.end()) return;
  close(found->second);
  held_.erase(found);
}

int Claims::lock(const core::Prefix& prefix) {
  std::error_code error;
  const mode_t mask = umask(0);
  fs::create_directories(directory_, error);
  // Whoever may run domains may claim; the sticky bit keeps one user from removing another's files.
  fs::permissions(directory_, static_cast<fs::perms>(01777), error);
  const fs::path path = directory_ / (prefix.value.empty() ? "empty-prefix" : "prefix-" + prefix.value);
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  const int open_error = errno;
  umask(mask);
  if (file < 0)
    throw HostFault(fmt::format("claim of prefix '{}': {}: {}", prefix.value, path.string(), strerror(open_error)));
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 4096> text{};
    const auto got = pread(file, text.data(), text.size() - 1, 0);
    std::string holder(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    close(file);
    throw ClaimRefused(
        fmt::format("prefix '{}' is in use by {}", prefix.value, holder.empty() ? "another daemon" : holder));
  }
  const std::string holder = fmt::format("pid {} ({})\n", getpid(), state_dir_.string());
  if (ftruncate(file, 0) != 0 || pwrite(file, holder.data(), holder.size(), 0) < 0) {
    const int write_error = errno;
    close(file);
    throw HostFault(fmt::format("claim of prefix '{}': {}: {}", prefix.value, path.string(), strerror(write_error)));
  }
  return file;
}

}  // namespace kvmtest::engine
