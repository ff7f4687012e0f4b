#pragma once
// A client at a domain's console over HTTP: how what service::Consoles does travels.

#include <nlohmann/json_fwd.hpp>

#include "api/server.h"
#include "service/consoles.h"
#include "service/ssh_commands.h"

namespace kvmtest::api {

/// A person's shell over an upgraded connection that carries frames (wire/console_frame.h). Throws what
/// Consoles::interact does before the connection is upgraded.
void interact(service::Consoles& consoles, const core::Domain& domain, const Request& request, Exchange& exchange);

/// The same for looking on at a test; with `force=1` the client may type itself.
void watch(service::Consoles& consoles, const core::Domain& domain, const Request& request, Exchange& exchange);

/// A command by SSH, as the request's body has it, over an upgraded connection that carries frames. Throws
/// core::InputError and nlohmann::json::exception for a body that is none, and what SshCommands::run does before the
/// connection is upgraded.
void run_by_ssh(service::SshCommands& commands, const core::Domain& domain, const nlohmann::json& body,
                Exchange& exchange);

/// A command, as the request's body has it; its output and its end are lines. Throws core::InputError and
/// nlohmann::json::exception for a body that is none, and what Consoles::execute does before the first line.
void execute(service::Consoles& consoles, const core::Domain& domain, const nlohmann::json& body, Exchange& exchange);

}  // namespace kvmtest::api
