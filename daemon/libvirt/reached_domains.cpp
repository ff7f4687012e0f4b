#include "libvirt/reached_domains.h"

#include <cerrno>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "engine/hypervisor.h"

namespace kvmtest::libvirt {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// In the namespace of the calling thread, in which the bridge is.
Address address_of(const domains::Reach::Way& way, std::uint16_t port) {
  Address address;
  auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);  // NOLINT: the sockets' own idiom
  auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);  // NOLINT
  if (inet_pton(AF_INET, way.address.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    address.size = sizeof *four;
  } else if (inet_pton(AF_INET6, way.address.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    six->sin6_scope_id = way.bridge.empty() ? 0 : if_nametoindex(way.bridge.c_str());
    address.size = sizeof *six;
  }
  return address;
}

/// 0: it is connected; else an errno.
int wait_for(int socket, Clock::time_point deadline) {
  pollfd entry{socket, POLLOUT, 0};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  if (poll(&entry, 1, static_cast<int>(std::max(left, 0ms).count())) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

base::Descriptor ReachedDomains::connect(const core::Domain& domain, std::uint16_t port,
                                         std::chrono::milliseconds patience) {
  const auto way = way_to(domain);
  if (!way)
    throw engine::NoWay(fmt::format("there is no way to {}: {}", domain.name(),
                                    reach_.on()
                                        ? "its description has no card with a MAC address on the network of ssh.network"
                                        : "ssh.network is off, or it is another libvirt's"));
  const auto here = go_within(within_, domain.prefix);
  const Address address = address_of(*way, port);
  const Clock::time_point deadline = Clock::now() + patience;
  // A guest that has just been booted may still be starting its server.
  constexpr auto step = 100ms;
  const Clock::time_point last_try = Clock::now() + 3s;
  while (true) {
    base::Descriptor socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) throw engine::HostFault(fmt::format("no socket to {}: {}", domain.name(), std::strerror(errno)));
    const int at_once = 1;
    setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    const auto* to = reinterpret_cast<const sockaddr*>(&address.storage);  // NOLINT: the sockets' own idiom
    int error = ::connect(socket.number(), to, address.size) == 0 ? 0 : errno;
    if (error == EINPROGRESS) error = wait_for(socket.number(), deadline);
    if (error == 0) return socket;
    if (error != ECONNREFUSED || Clock::now() > last_try)
      throw engine::NoWay(error == ECONNREFUSED
                              ? fmt::format("nothing listens at port {} of {}", port, domain.name())
                              : fmt::format("port {} of {}: {}", port, domain.name(), std::strerror(error)));
    std::this_thread::sleep_for(step);
  }
}

std::string ReachedDomains::names_of(const core::Prefix& prefix) const {
  std::string lines;
  for (const std::string& host : definitions_.templates().hosts()) {
    const core::Domain domain{prefix, core::Host{host}};
    const std::string address = reach_.address_of(domain, definitions_.described(domain));
    if (!address.empty()) lines += fmt::format("{} {} {}\n", address, host, domain.name());
  }
  return lines;
}

}  // namespace kvmtest::libvirt
