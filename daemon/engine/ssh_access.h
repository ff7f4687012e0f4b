#pragma once
// Lets the daemon's key into a guest by SSH, at its console, and learns there who the guest's server is.

#include <string>

#include "console/session.h"

namespace kvmtest::engine {

/// Adds a public key, a line, to those that the logged-in user is let in with, where the guest has an SSH server.
/// Returns the server's own public keys, a line each; empty: it has none, or no such server. Throws console::Closed,
/// console::Interrupted.
std::string let_in(console::Session& session, const std::string& key, console::GuestDeadline deadline);

/// The command for that, and what is made of its output, whatever the guest prints.
std::string letting_in(const std::string& key);
std::string host_keys_in(const std::string& output);

}  // namespace kvmtest::engine
