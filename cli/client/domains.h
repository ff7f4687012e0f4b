#pragma once
// Domains for a client outside any run.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "client/client.h"
#include "core/ids.h"
#include "settings/values.h"

namespace kvmtest::client {

/// The path of a request about a domain, whatever is in its name: docs/api.md.
std::string domain_path(const std::string& domain, const std::string& verb);

/// What the daemon says of a domain.
struct DomainState {
  bool up = false;
  bool tested = false;  ///< its prefix runs a test, or is about to
};
/// `status`: of GET /v1/status.
DomainState state_of(const nlohmann::json& status, const core::Domain& domain);

/// How a domain is to be brought up.
struct BringUp {
  bool fresh = false;    ///< reset it even when it is up
  unsigned workers = 1;  ///< slots of the reboot pool, when no run sets them
  settings::ResetMethod reset = settings::ResetMethod::snapshot;
};
/// Brings the domain up to a logged-in shell, and waits for that. Returns the times of its reset, in seconds
/// (docs/api.md). Throws Refused.
nlohmann::json bring_up(Client& client, const std::string& domain, const BringUp& how);

/// Takes the domain away. Returns how long that took, in seconds. Throws Refused.
double destroy(Client& client, const std::string& domain);

}  // namespace kvmtest::client
