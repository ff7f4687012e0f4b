#pragma once
// Domains for a client outside any run.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "client/client.h"
#include "settings/values.h"

namespace kvmtest::client {

/// The path of a request about a domain, whatever is in its name: docs/api.md.
std::string domain_path(const std::string& domain, const std::string& verb);

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
