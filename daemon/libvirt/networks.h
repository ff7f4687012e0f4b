#pragma once
// The isolated networks that domains are on: bridges made directly for the embedded driver, networks of the same names
// of any other libvirt.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ids.h"
#include "domains/reach.h"
#include "libvirt/connection.h"

namespace kvmtest::libvirt {

/// Where a prefix' networks are: the calling thread is there until the pointer goes, on the same thread. Null: where
/// the daemon is. Throws std::system_error.
using Within = std::function<std::shared_ptr<void>(const core::Prefix& prefix)>;
/// The same for whoever has such a function or none. Throws engine::HostFault.
[[nodiscard]] std::shared_ptr<void> go_within(const Within& within, const core::Prefix& prefix);

/// Any thread.
class Networks {
 public:
  /// `ready_made`: whoever described the domains may have made their networks, too; those are left as they are.
  /// `reach`: the host speaks on the network over which it reaches domains.
  Networks(const Connection& connection, bool ready_made, Within within, domains::Reach reach)
      : connection_(connection), ready_made_(ready_made), within_(std::move(within)), reach_(std::move(reach)) {}

  /// Makes a prefix' network, or takes over one that is there. Throws what make_bridge does (libvirt/bridges.h).
  void make(const core::Prefix& prefix, const std::string& name) const;
  /// Removes it if it is ours; of another libvirt than the embedded one, whoever it belongs to. One that is not there
  /// is fine. Throws engine::HostFault.
  void remove(const core::Prefix& prefix, const std::string& name) const;

 private:
  const Connection& connection_;
  bool ready_made_;
  Within within_;
  domains::Reach reach_;
};

}  // namespace kvmtest::libvirt
