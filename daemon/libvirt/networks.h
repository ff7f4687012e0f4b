#pragma once
// The isolated networks that domains are on: bridges made directly for the embedded driver, networks of the same names
// of any other libvirt.

#include <string>

#include "libvirt/connection.h"

namespace kvmtest::libvirt {

/// Any thread.
class Networks {
 public:
  /// `ready_made`: whoever described the domains may have made their networks, too; those are left as they are.
  Networks(const Connection& connection, bool ready_made) : connection_(connection), ready_made_(ready_made) {}

  /// Makes the network, or takes over one that is there. Throws what make_bridge does (libvirt/bridges.h).
  void make(const std::string& name) const;
  /// Removes it if it is ours; of another libvirt than the embedded one, whoever it belongs to. One that is not there
  /// is fine. Throws engine::HostFault.
  void remove(const std::string& name) const;

 private:
  const Connection& connection_;
  bool ready_made_;
};

}  // namespace kvmtest::libvirt
