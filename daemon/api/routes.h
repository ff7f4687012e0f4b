#pragma once
// The API's requests and what they call. docs/api.md lists them.

#include <functional>

#include "api/server.h"
#include "service/consoles.h"
#include "service/ports.h"
#include "service/service.h"

namespace kvmtest::api {

/// The handler of all routes. `shut_down`: asked to end the daemon. Any thread.
Handler routes(service::Service& service, service::Consoles& consoles, service::Ports& ports,
               std::function<void()> shut_down);

/// The handler for tests' programs: commands with a token, and nothing else. Any thread.
Handler routes_of_programs(service::Service& service, service::Consoles& consoles);

}  // namespace kvmtest::api
