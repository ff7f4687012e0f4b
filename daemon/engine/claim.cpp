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

namespace {

/// Which number a prefix gets where it is free.
unsigned wanted_number(const std::string& prefix) {
  constexpr unsigned letters = 26;
  if (prefix.size() == 2 && prefix[0] >= 'a' && prefix[0] <= 'z' && prefix[1] == '.')
    return static_cast<unsigned>(prefix[0] - 'a') + 1;
  unsigned hash = 2166136261U;  // FNV-1a: the same in every build
  for (const char c : prefix) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return letters + 1 + hash % (Claims::most_numbers - letters);
}

}  // namespace

Claims::Claims(fs::path directory, fs::path state_dir)
    : directory_(std::move(directory)), state_dir_(std::move(state_dir)) {}

Claims::~Claims() {
  for (const auto& [prefix, claim] : held_) close_all(claim);
}

void Claims::close_all(const Claim& claim) {
  for (const int file : {claim.file, claim.number_file})
    if (file >= 0) close(file);
}

fs::path Claims::default_directory(const std::string& uri) {
  const fs::path base = "/run/lock/kvmtest";
  // The embedded drivers of a machine, and its system libvirt, meet on the machine's bridges and so on one directory.
  if (uri.empty() || uri.find("://") == std::string::npos || uri.find(":///") != std::string::npos)
    return base / "local";
  return base / fmt::format("remote-{:016x}", std::hash<std::string>{}(uri));
}

void Claims::claim(const std::vector<core::Prefix>& prefixes) {
  const base::Lock guard(mutex_);
  std::map<core::Prefix, Claim> taken;
  try {
    for (const core::Prefix& prefix : prefixes)
      if (!held_.contains(prefix)) taken[prefix] = lock(prefix);
  } catch (...) {
    for (const auto& [prefix, claim] : taken) close_all(claim);
    throw;
  }
  held_.merge(taken);
}

void Claims::release(const core::Prefix& prefix) {
  const base::Lock guard(mutex_);
  const auto found = held_.find(prefix);
  if (found == held_.end()) return;
  close_all(found->second);
  held_.erase(found);
}

unsigned Claims::number_of(const core::Prefix& prefix) {
  const base::Lock guard(mutex_);
  const auto found = held_.find(prefix);
  return found == held_.end() ? wanted_number(prefix.value) : found->second.number;
}

int Claims::open_file(const std::string& name, const core::Prefix& prefix) {
  std::error_code error;
  const mode_t mask = umask(0);
  fs::create_directories(directory_, error);
  // Whoever may run domains may claim; the sticky bit keeps one user from removing another's files.
  fs::permissions(directory_, static_cast<fs::perms>(01777), error);
  const fs::path path = directory_ / name;
  // Where fs.protected_regular is set, O_CREAT opens no file of another user's.
  int file = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0 && errno == ENOENT) file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  const int open_error = errno;
  umask(mask);
  if (file < 0)
    throw HostFault(fmt::format("claim of prefix '{}': {}: {}", prefix.value, path.string(), strerror(open_error)));
  return file;
}

void Claims::write_holder(int file, const std::string& name, const core::Prefix& prefix) {
  const std::string holder = fmt::format("pid {} ({})\n", getpid(), state_dir_.string());
  if (ftruncate(file, 0) == 0 && pwrite(file, holder.data(), holder.size(), 0) >= 0) return;
  throw HostFault(
      fmt::format("claim of prefix '{}': {}: {}", prefix.value, (directory_ / name).string(), strerror(errno)));
}

Claims::Claim Claims::lock(const core::Prefix& prefix) {
  const std::string name = prefix.value.empty() ? "empty-prefix" : "prefix-" + prefix.value;
  Claim claim{.file = open_file(name, prefix)};
  try {
    if (flock(claim.file, LOCK_EX | LOCK_NB) != 0) {
      std::array<char, 4096> text{};
      const auto got = pread(claim.file, text.data(), text.size() - 1, 0);
      std::string holder(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
      while (!holder.empty() && holder.back() == '\n') holder.pop_back();
      throw ClaimRefused(
          fmt::format("prefix '{}' is in use by {}", prefix.value, holder.empty() ? "another daemon" : holder));
    }
    write_holder(claim.file, name, prefix);
    take_number(claim, prefix);
  } catch (...) {
    close_all(claim);
    throw;
  }
  return claim;
}

/// The first free one from the wanted one on.
void Claims::take_number(Claim& claim, const core::Prefix& prefix) {
  const unsigned wanted = wanted_number(prefix.value);
  for (unsigned tried = 0; tried < most_numbers; ++tried) {
    const unsigned number = (wanted - 1 + tried) % most_numbers + 1;
    const std::string name = fmt::format("number-{}", number);
    const int file = open_file(name, prefix);
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
      close(file);
      continue;
    }
    claim.number_file = file;
    claim.number = number;
    write_holder(file, name, prefix);
    return;
  }
  throw HostFault(fmt::format("claim of prefix '{}': all {} numbers for prefixes are taken on this machine",
                              prefix.value, most_numbers));
}

}  // namespace kvmtest::engine
