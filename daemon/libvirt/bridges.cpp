#include "libvirt/bridges.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>

#include "core/input_error.h"
#include "engine/hypervisor.h"
#include "libvirt/niceness.h"

namespace kvmtest::libvirt {
namespace {

using engine::HostFault;

constexpr std::string_view alias_start = "kvmtest ";
constexpr const char* no_permission =
    "no permission to make network bridges: run as root, with sudo, or with CAP_NET_ADMIN; or set a libvirt URI";

struct SocketDeleter {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct LinkDeleter {
  void operator()(rtnl_link* link) const { rtnl_link_put(link); }
};
struct CacheDeleter {
  void operator()(nl_cache* cache) const { nl_cache_free(cache); }
};
using Socket = std::unique_ptr<nl_sock, SocketDeleter>;
using Link = std::unique_ptr<rtnl_link, LinkDeleter>;
using Cache = std::unique_ptr<nl_cache, CacheDeleter>;

void check_nl(int result, const std::string& what) {
  if (result >= 0) return;
  if (result == -NLE_PERM || result == -NLE_NOACCESS) throw core::InputError(what + ": " + no_permission);
  throw HostFault(what + ": " + nl_geterror(result));
}

Socket open_route() {
  Socket socket(nl_socket_alloc());
  if (!socket) throw HostFault("rtnetlink: out of memory");
  check_nl(nl_connect(socket.get(), NETLINK_ROUTE), "rtnetlink");
  return socket;
}

Link find_link(nl_sock* socket, const std::string& name) {
  rtnl_link* link = nullptr;
  if (rtnl_link_get_kernel(socket, 0, name.c_str(), &link) < 0) return nullptr;
  return Link(link);
}

/// The owner in the link's alias; nothing: kvmtest did not make it.
std::optional<std::string> owner_of(rtnl_link* link) {
  const char* alias = rtnl_link_get_ifalias(link);
  if (alias == nullptr || !std::string_view(alias).starts_with(alias_start)) return std::nullopt;
  return std::string(alias).substr(alias_start.size());
}

bool has_ports(const std::string& name) {
  std::error_code error;
  return !std::filesystem::is_empty("/sys/class/net/" + name + "/brif", error) && !error;
}

void write_knob(const std::string& path, const char* value) { std::ofstream(path) << value; }

}  // namespace

void check_bridge_permission() {
  if (!has_capability(CAP_NET_ADMIN)) throw core::InputError(no_permission);
}

void make_bridge(const std::string& name, const std::string& owner) {
  const Socket socket = open_route();
  const std::string what = "bridge " + name;
  if (const Link there = find_link(socket.get(), name)) {
    const auto holder = owner_of(there.get());
    if (!holder) throw HostFault(what + ": an interface of this name exists and is not kvmtest's");
    if (*holder != owner && has_ports(name))
      throw HostFault(what + ": in use by domains of " + *holder + "; run 'kvmtest uninstall' there");
  } else {
    const Link bridge(rtnl_link_bridge_alloc());
    rtnl_link_set_name(bridge.get(), name.c_str());
    check_nl(rtnl_link_add(socket.get(), bridge.get(), NLM_F_CREATE | NLM_F_EXCL), what);
  }
  const Link made = find_link(socket.get(), name);
  if (!made) throw HostFault(what + ": gone as soon as it was made");
  // IPv6 off before it is up, so that the host itself never speaks on it.
  write_knob("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6", "1");
  write_knob("/sys/class/net/" + name + "/bridge/multicast_snooping", "0");
  write_knob("/sys/class/net/" + name + "/bridge/forward_delay", "0");
  // Link-local protocols (LACP, LLDP) belong to the guests; 802.1D forbids passing on STP and pause frames only.
  write_knob("/sys/class/net/" + name + "/bridge/group_fwd_mask", "0xfff8");
  const Link change(rtnl_link_alloc());
  rtnl_link_set_ifalias(change.get(), (std::string(alias_start) + owner).c_str());
  rtnl_link_set_flags(change.get(), IFF_UP);
  check_nl(rtnl_link_change(socket.get(), made.get(), change.get(), 0), what);
}

bool is_foreign_bridge(const std::string& name) {
  const Socket socket = open_route();
  const Link there = find_link(socket.get(), name);
  return there && !owner_of(there.get()) && std::filesystem::exists("/sys/class/net/" + name + "/bridge");
}

void set_links(const std::vector<std::string>& names, bool up) {
  if (names.empty()) return;
  const Socket socket = open_route();
  for (const std::string& name : names) {
    const Link link = find_link(socket.get(), name);
    if (!link) throw HostFault("network card " + name + ": gone");
    const Link change(rtnl_link_alloc());
    if (up)
      rtnl_link_set_flags(change.get(), IFF_UP);
    else
      rtnl_link_unset_flags(change.get(), IFF_UP);
    check_nl(rtnl_link_change(socket.get(), link.get(), change.get(), 0), "network card " + name);
  }
}

void attach_down(const std::vector<std::string>& names, const std::vector<std::string>& bridges) {
  if (names.size() != bridges.size())
    throw HostFault(fmt::format("{} network cards for {} bridges", names.size(), bridges.size()));
  set_links(names, false);
  const Socket socket = open_route();
  for (std::size_t i = 0; i < names.size(); ++i) {
    write_knob("/proc/sys/net/ipv6/conf/" + names[i] + "/disable_ipv6", "1");
    const std::string what = "network card " + names[i] + " on bridge " + bridges[i];
    const Link link = find_link(socket.get(), names[i]);
    const Link bridge = find_link(socket.get(), bridges[i]);
    if (!link || !bridge) throw HostFault(what + ": gone");
    check_nl(rtnl_link_enslave(socket.get(), bridge.get(), link.get()), what);
  }
}

bool remove_bridge(const std::string& name, const std::string& owner) {
  const Socket socket = open_route();
  const Link there = find_link(socket.get(), name);
  if (!there) return false;
  const auto holder = owner_of(there.get());
  if (!holder || (*holder != owner && has_ports(name))) return false;
  check_nl(rtnl_link_delete(socket.get(), there.get()), "bridge " + name);
  return true;
}

std::vector<std::string> bridges_of_owner(const std::string& owner) {
  const Socket socket = open_route();
  nl_cache* raw = nullptr;
  check_nl(rtnl_link_alloc_cache(socket.get(), AF_UNSPEC, &raw), "rtnetlink");
  const Cache cache(raw);
  std::vector<std::string> names;
  for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object)) {
    auto* link = reinterpret_cast<rtnl_link*>(object);  // NOLINT: libnl's own idiom
    if (owner_of(link) == owner) names.emplace_back(rtnl_link_get_name(link));
  }
  return names;
}

}  // namespace kvmtest::libvirt
