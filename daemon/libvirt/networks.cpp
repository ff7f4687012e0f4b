#include "libvirt/networks.h"

#include <fmt/format.h>

#include "libvirt/bridges.h"

namespace kvmtest::libvirt {

void Networks::make(const core::Prefix& prefix, const std::string& name) const {
  if (connection_.embedded()) {
    const auto here = within_ ? within_(prefix) : nullptr;
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
    const auto here = within_ ? within_(prefix) : nullptr;
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
