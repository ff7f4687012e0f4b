#include "libvirt/bridges.h"

#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
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

bool is_bridge(rtnl_link* link) {
  const char* type = rtnl_link_get_type(link);
  return type != nullptr && std::string_view(type) == "bridge";
}

/// Calls `look` with each link of the calling thread's network namespace. /sys shows another's.
template <class Look>
void each_link(nl_sock* socket, Look look) {
  nl_cache* raw = nullptr;
  check_nl(rtnl_link_alloc_cache(socket, AF_UNSPEC, &raw), "rtnetlink");
  const Cache cache(raw);
  for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object))
    look(reinterpret_cast<rtnl_link*>(object));  // NOLINT: libnl's own idiom
}

bool has_ports(nl_sock* socket, rtnl_link* bridge) {
  const int index = rtnl_link_get_ifindex(bridge);
  bool any = false;
  each_link(socket, [&](rtnl_link* link) { any = any || rtnl_link_get_master(link) == index; });
  return any;
}

/// Written by the thread whose namespace it is about.
void write_knob(const std::string& path, const char* value) { std::ofstream(path) << value; }

/// No delay, all multicast for everybody, and the guests' own link-local protocols (LACP, LLDP) are passed on: 802.1D
/// forbids it for STP and pause frames only. libnl knows none of these.
void set_plain(nl_sock* socket, rtnl_link* bridge, const std::string& what) {
  constexpr std::uint16_t all_but_forbidden = 0xfff8;
  const std::unique_ptr<nl_msg, decltype(&nlmsg_free)> message(nlmsg_alloc_simple(RTM_NEWLINK, 0), &nlmsg_free);
  ifinfomsg header{};
  header.ifi_index = rtnl_link_get_ifindex(bridge);
  nl_msg* const raw = message.get();
  nlattr* info = nullptr;
  nlattr* data = nullptr;
  if (raw == nullptr || nlmsg_append(raw, &header, sizeof header, NLMSG_ALIGNTO) < 0 ||
      (info = nla_nest_start(raw, IFLA_LINKINFO)) == nullptr || nla_put_string(raw, IFLA_INFO_KIND, "bridge") < 0 ||
      (data = nla_nest_start(raw, IFLA_INFO_DATA)) == nullptr || nla_put_u32(raw, IFLA_BR_FORWARD_DELAY, 0) < 0 ||
      nla_put_u8(raw, IFLA_BR_MCAST_SNOOPING, 0) < 0 || nla_put_u16(raw, IFLA_BR_GROUP_FWD_MASK, all_but_forbidden) < 0)
    throw HostFault("rtnetlink: out of memory");
  nla_nest_end(raw, data);
  nla_nest_end(raw, info);
  check_nl(nl_send_auto(socket, raw), what);
  check_nl(nl_wait_for_ack(socket), what);
}

/// Else a bridge has that of one of its ports, and another one when ports come and go.
void set_hardware_address(rtnl_link* bridge) {
  nl_addr* parsed = nullptr;
  check_nl(nl_addr_parse("52:54:00:6b:76:6d", AF_LLC, &parsed), "rtnetlink");
  rtnl_link_set_addr(bridge, parsed);
  nl_addr_put(parsed);
}

void give_address(nl_sock* socket, rtnl_link* bridge, const std::string& text, const std::string& what) {
  nl_addr* parsed = nullptr;
  check_nl(nl_addr_parse(text.c_str(), AF_UNSPEC, &parsed), what + ": " + text);
  const std::unique_ptr<nl_addr, decltype(&nl_addr_put)> local(parsed, &nl_addr_put);
  const std::unique_ptr<rtnl_addr, decltype(&rtnl_addr_put)> address(rtnl_addr_alloc(), &rtnl_addr_put);
  if (!address) throw HostFault("rtnetlink: out of memory");
  rtnl_addr_set_ifindex(address.get(), rtnl_link_get_ifindex(bridge));
  check_nl(rtnl_addr_set_local(address.get(), local.get()), what + ": " + text);
  rtnl_addr_set_flags(address.get(), IFA_F_NODAD);
  const int result = rtnl_addr_add(socket, address.get(), 0);
  if (result != -NLE_EXIST) check_nl(result, what + ": " + text);
}

}  // namespace

void check_bridge_permission() {
  if (!has_capability(CAP_NET_ADMIN)) throw core::InputError(no_permission);
}

void make_bridge(const std::string& name, const std::string& owner, const std::vector<std::string>& addresses) {
  const Socket socket = open_route();
  const std::string what = "bridge " + name;
  if (const Link there = find_link(socket.get(), name)) {
    const auto holder = owner_of(there.get());
    if (!holder) throw HostFault(what + ": an interface of this name exists and is not kvmtest's");
    if (*holder != owner && has_ports(socket.get(), there.get()))
      throw HostFault(what + ": in use by domains of " + *holder + "; run 'kvmtest uninstall' there");
  } else {
    const Link bridge(rtnl_link_bridge_alloc());
    rtnl_link_set_name(bridge.get(), name.c_str());
    check_nl(rtnl_link_add(socket.get(), bridge.get(), NLM_F_CREATE | NLM_F_EXCL), what);
  }
  const Link made = find_link(socket.get(), name);
  if (!made) throw HostFault(what + ": gone as soon as it was made");
  const std::string knobs = "/proc/sys/net/ipv6/conf/" + name;
  // Before it is up, so that the host itself never speaks on it; where it is to, at once.
  write_knob(knobs + "/accept_dad", "0");
  write_knob(knobs + "/disable_ipv6", addresses.empty() ? "1" : "0");
  set_plain(socket.get(), made.get(), what);
  const Link change(rtnl_link_alloc());
  rtnl_link_set_ifalias(change.get(), (std::string(alias_start) + owner).c_str());
  rtnl_link_set_flags(change.get(), IFF_UP);
  if (!addresses.empty()) set_hardware_address(change.get());
  check_nl(rtnl_link_change(socket.get(), made.get(), change.get(), 0), what);
  for (const std::string& address : addresses) give_address(socket.get(), made.get(), address, what);
}

bool is_foreign_bridge(const std::string& name) {
  const Socket socket = open_route();
  const Link there = find_link(socket.get(), name);
  return there && !owner_of(there.get()) && is_bridge(there.get());
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
  if (!holder || (*holder != owner && has_ports(socket.get(), there.get()))) return false;
  check_nl(rtnl_link_delete(socket.get(), there.get()), "bridge " + name);
  return true;
}

std::vector<std::string> bridges_of_owner(const std::string& owner) {
  const Socket socket = open_route();
  std::vector<std::string> names;
  each_link(socket.get(), [&](rtnl_link* link) {
    if (owner_of(link) == owner) names.emplace_back(rtnl_link_get_name(link));
  });
  return names;
}

}  // namespace kvmtest::libvirt
