#pragma once
// What names a domain's saved state: everything that shapes the guest in it (docs/adr/0008-reset-by-snapshot.md).

#include <string>

#include "core/ids.h"
#include "core/model.h"
#include "libvirt/connection.h"
#include "libvirt/definitions.h"

namespace kvmtest::libvirt {

/// Immutable; any thread. Reads the guest's files' dates and sizes each time, for an image may have changed.
class StateNames {
 public:
  /// `login`: who is logged in. Throws engine::HostFault.
  StateNames(const Connection& connection, const Definitions& definitions, const std::string& login);

  /// All that a domain's state is named after, for people. Throws engine::HostFault.
  [[nodiscard]] std::string inputs_of(const core::Domain& domain) const;
  /// The name that those give.
  [[nodiscard]] static core::SavedStateId state_from(const std::string& inputs);
  /// Throws engine::HostFault.
  [[nodiscard]] core::SavedStateId state_of(const core::Domain& domain) const { return state_from(inputs_of(domain)); }

 private:
  const Connection& connection_;
  const Definitions& definitions_;
  std::string same_for_all_;  ///< versions, processor, login
};

}  // namespace kvmtest::libvirt
