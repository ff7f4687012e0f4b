#pragma once
// What of a prefix stays while its domains come and go: its networks, and its domains' definitions.

#include <functional>

#include "core/ids.h"
#include "core/model.h"
#include "libvirt/connection.h"
#include "libvirt/definitions.h"
#include "libvirt/networks.h"

namespace kvmtest::libvirt {

/// Any thread, for different prefixes at the same time.
class Installer {
 public:
  Installer(const Connection& connection, const Definitions& definitions, Networks networks);

  /// See engine::Hypervisor::install.
  void install(const core::Prefix& prefix) const;
  /// See engine::Hypervisor::uninstall. Calls `destroy` for each domain of the prefix that is defined.
  void uninstall(const core::Prefix& prefix, const std::function<void(const core::Domain& domain)>& destroy) const;

 private:
  void define(const core::Domain& domain) const;

  const Connection& connection_;
  const Definitions& definitions_;
  Networks networks_;
};

}  // namespace kvmtest::libvirt
