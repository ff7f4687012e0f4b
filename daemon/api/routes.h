#pragma once
// The API's requests and what they call. docs/api.md lists them.

#include <functional>

#include "api/server.h"
#include "service/consoles.h"
#include "service/ports.h"
#include "service/service.h"
#include "service/ssh_commands.h"

namespace kvmtest::api {

/// What requests are about; all of it outlives who answers them.
struct Offers {
  service::Service& service;
  service::Consoles& consoles;
  service::Ports& ports;
  service::SshCommands& ssh;
};

/// The handler of all routes. `shut_down`: asked to end the daemon. Any thread.
Handler routes(const Offers& offers, std::function<void()> shut_down);

/// The handler for tests' programs: commands with a token, and nothing else. Any thread.
Handler routes_of_programs(const Offers& offers);

}  // namespace kvmtest::api
