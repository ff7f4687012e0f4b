#pragma once
// A person at a domain's console, over an upgraded connection that carries frames (wire/console_frame.h).

#include "api/server.h"
#include "service/service.h"

namespace kvmtest::api {

/// Gives the client a shell on a domain that is up, until one of them ends it. Throws what Service::borrow does before
/// the connection is upgraded.
void interact(service::Service& service, const core::Domain& domain, const Request& request, Exchange& exchange);

/// Shows the client what the test on the domain types and what comes of it, to the test's end; with `force=1` it may
/// type itself. Throws what Service::watch does before the connection is upgraded.
void watch(service::Service& service, const core::Domain& domain, const Request& request, Exchange& exchange);

}  // namespace kvmtest::api
