#pragma once
// A connection to a port of a domain.

#include <memory>
#include <string>

#include "base/descriptor.h"
#include "client/client.h"

namespace kvmtest::client {

/// The connection, which is this process' own, and the daemon's word on it.
struct Port {
  base::Descriptor connection;
  /// When this is closed by the daemon, the domain goes back to its clean state, and the connection is of no use.
  std::unique_ptr<RawConnection> daemon;
};

/// Connects to a port of a domain that is up. Throws Refused.
Port connect_to(Client& client, const std::string& domain, unsigned port);

}  // namespace kvmtest::client
