#include "engine/claim.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/digest.h"
#include "engine/errors.h"
#include "engine/hypervisor.h"

namespace kvmtest::engine {

namespace {

constexpr std::size_t longest_name = sizeof(sockaddr_un::sun_path) - 1;  // the first byte is NUL

/// Which number a prefix gets where it is free.
unsigned wanted_number(const std::string& prefix) {
  constexpr unsigned letters = 26;
  if (prefix.size() == 2 && prefix[0] >= 'a' && prefix[0] <= 'z' && prefix[1] == '.')
    return static_cast<unsigned>(prefix[0] - 'a') + 1;
  unsigned hash = 2166136261U;  // FNV-1a: the same in every build
  for (const char c : prefix) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return letters + 1 + hash % (Claims::most_numbers - letters);
}

int local_socket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

[[noreturn]] void fail(const core::Prefix& prefix) {
  throw HostFault(fmt::format("claim of prefix '{}': {}", prefix.value, strerror(errno)));
}

/// False: somebody has that address. Throws HostFault.
bool bind_to(int socket, const std::string& name, const core::Prefix& prefix) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, longest_name);
  const auto length = offsetof(sockaddr_un, sun_path) + 1 + std::min(name.size(), longest_name);
  if (bind(socket, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length)) == 0)  // NOLINT
    return true;
  if (errno != EADDRINUSE) fail(prefix);
  return false;
}

/// What follows `start` in an address that somebody has; unix(7), /proc/net/unix shows NUL as @. Empty: nobody does.
std::string bound_after(const std::string& start) {
  std::ifstream in("/proc/net/unix");
  for (std::string line; std::getline(in, line);)
    if (const auto at = line.find(" @" + start); at != std::string::npos) return line.substr(at + 2 + start.size());
  return {};
}

}  // namespace

Claims::Claims(std::string scope, Holder holder, MachineSocket machine_socket)
    : scope_(std::move(scope)), holder_(std::move(holder)), machine_socket_(std::move(machine_socket)) {}

Claims::~Claims() {
  for (const auto& [prefix, claim] : held_) close_all(claim);
  for (const auto& [prefix, number] : numbers_) close(number.socket);
}

void Claims::close_all(const Claim& claim) {
  for (const int socket : {claim.address, claim.holder})
    if (socket >= 0) close(socket);
}

std::string Claims::default_scope(const std::string& uri) {
  // The embedded drivers of a network namespace, and its system libvirt, meet on its bridges.
  if (uri.empty() || uri.find("://") == std::string::npos || uri.find(":///") != std::string::npos) return "local";
  return "remote-" + base::short_digest_of(uri);
}

std::string Claims::name(const char* kind, const std::string& of) const {
  const std::string start = fmt::format("kvmtest/{}/{}/", scope_, kind);
  return start + (start.size() + of.size() <= longest_name ? of : base::short_digest_of(of));
}

void Claims::claim(const std::vector<core::Prefix>& prefixes) {
  const base::Lock guard(mutex_);
  std::map<core::Prefix, Claim> taken;
  try {
    for (const core::Prefix& prefix : prefixes) {
      if (held_.contains(prefix)) continue;
      taken[prefix] = take(prefix);
      take_number(prefix);
    }
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
  const auto found = numbers_.find(prefix);
  return found == numbers_.end() ? wanted_number(prefix.value) : found->second.value;
}

Claims::Claim Claims::take(const core::Prefix& prefix) {
  Claim claim{.address = local_socket(), .holder = local_socket()};
  const std::string holder = name("holder", prefix.value) + ' ';
  try {
    if (claim.address < 0 || claim.holder < 0) fail(prefix);
    if (!bind_to(claim.address, name("prefix", prefix.value), prefix)) {
      const std::string told = bound_after(holder);
      throw ClaimRefused(
          fmt::format("prefix '{}' is in use by {}", prefix.value, told.empty() ? "another daemon" : told));
    }
    // For a person; what of the directory does not fit is left out.
    bind_to(claim.holder, fmt::format("{}pid {} ({})", holder, holder_.pid, holder_.state_dir.string()), prefix);
  } catch (...) {
    close_all(claim);
    throw;
  }
  return claim;
}

int Claims::number_socket(const core::Prefix& prefix) {
  int socket = machine_socket_ ? machine_socket_() : -1;
  if (socket < 0) socket = local_socket();
  if (socket < 0) fail(prefix);
  return socket;
}

/// The first free one from the wanted one on.
void Claims::take_number(const core::Prefix& prefix) {
  if (numbers_.contains(prefix)) return;
  const int socket = number_socket(prefix);
  const unsigned wanted = wanted_number(prefix.value);
  try {
    for (unsigned tried = 0; tried < most_numbers; ++tried) {
      const unsigned number = (wanted - 1 + tried) % most_numbers + 1;
      if (!bind_to(socket, name("number", std::to_string(number)), prefix)) continue;
      numbers_[prefix] = {socket, number};
      return;
    }
  } catch (...) {
    close(socket);
    throw;
  }
  close(socket);
  throw HostFault(fmt::format("claim of prefix '{}': all {} numbers for prefixes are taken on this machine",
                              prefix.value, most_numbers));
}

}  // namespace kvmtest::engine
