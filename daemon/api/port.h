#pragma once
// A client of the API at a port of a domain: it is handed the connection itself, by SCM_RIGHTS (unix(7)).

#include "api/server.h"
#include "core/ids.h"
#include "service/ports.h"

namespace kvmtest::api {

/// Answers with 101, waits for a byte of the client's, and sends one with the connection. The client keeps this
/// connection of its own open until it is done; when it is closed, the domain goes back, and the client is to leave.
void connect(service::Ports& ports, const core::Domain& domain, const Request& request, Exchange& exchange);

}  // namespace kvmtest::api
