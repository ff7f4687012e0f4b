#pragma once
// Linux bridges made directly, through rtnetlink: the embedded driver has no networks of its own. Each carries its
// owner in the interface's alias. They are in the calling thread's network namespace. Any thread; each call is a
// conversation of its own with the kernel.

#include <string>
#include <vector>

namespace kvmtest::libvirt {

/// Throws core::InputError when this process may not make network bridges (CAP_NET_ADMIN).
void check_bridge_permission();

/// Makes an isolated bridge (no forwarding from the host, no delay), or takes over one that kvmtest made and nothing is
/// attached to any more. The host speaks on it with `addresses`, each as in 192.0.2.1/24, and is silent without. Throws
/// engine::HostFault: it is somebody else's, or in use by another owner; core::InputError when the kernel does not
/// permit it.
void make_bridge(const std::string& name, const std::string& owner, const std::vector<std::string>& addresses = {});
/// Whether there is a bridge of that name which kvmtest did not make.
bool is_foreign_bridge(const std::string& name);

/// Removes a bridge that kvmtest made, if it is `owner`'s or nothing is attached to it: who has claimed its prefix may
/// take it over, and so remove it. False: there is none, or it is another's.
bool remove_bridge(const std::string& name, const std::string& owner);

/// Sets links of this machine, such as the host's ends of domains' network cards, up or down. Throws engine::HostFault.
void set_links(const std::vector<std::string>& names, bool up);

/// Puts links that are on no bridge on these, one each, and sets them down: nothing passes until set_links. The host
/// itself does not speak on them. Throws engine::HostFault.
void attach_down(const std::vector<std::string>& names, const std::vector<std::string>& bridges);

/// Names of all bridges of `owner`.
std::vector<std::string> bridges_of_owner(const std::string& owner);

}  // namespace kvmtest::libvirt
