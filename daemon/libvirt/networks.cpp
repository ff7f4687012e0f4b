#include "libvirt/networks.h"

#include <system_error>

#include <fmt/format.h>

#include "engine/hypervisor.h"
#include "libvirt/bridges.h"

namespace kvmtest::libvirt {

std::shared_ptr<void> go_within(const Within& within, const core::Prefix& prefix) {
  try {
    return within ? within(prefix) : nullptr;
  } catch (const std::system_error& e) {
    throw engine::HostFault(e.what());
  }
}

void Networks::make(const core::Prefix& prefix, const std::string& name) const {
  if (connection_.embedded()) {
    const auto here = go_within(within_, prefix);
    if (ready_made_ && is_foreign_bridge(name)) return;
    make_bridge(name, connection_.state_dir().string(), reach_.addresses_on(prefix, name));
    return;
  }
  NetworkHandle network(virNetworkLookupByName(connection_.get(), name.c_str()));
  if (!network) {
    // No <forward> and no <ip>: an isolated bridge, and no dnsmasq.
    const std::string xml =
        fmt::format("<network><name>{0}</name><bridge name='{0}' stp='off' delay='0'/></network>", name);
    network.reset(check(virNetworkDefineXML(connection_.get(), xml.c_str()), "network " + name));
  }
  if (virNetworkIsActive(network.get()) != 1) check(virNetworkCreate(network.get()), "network " + name);
}

void Networks::remove(const core::Prefix& prefix, const std::string& name) const {
  if (connection_.embedded()) {
    const auto here = go_within(within_, prefix);
    remove_bridge(name, connection_.state_dir().string());
    return;
  }
  if (ready_made_) return;  // theirs who described the domains
  const NetworkHandle network(virNetworkLookupByName(connection_.get(), name.c_str()));
  if (!network) return;
  if (virNetworkIsActive(network.get()) == 1) check(virNetworkDestroy(network.get()), "network " + name);
  check(virNetworkUndefine(network.get()), "network " + name);
}

}  // namespace kvmtest::libvirt
