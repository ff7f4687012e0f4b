// kvmtest connect.

#include <iostream>
#include <memory>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/client.h"
#include "client/domains.h"
#include "client/port.h"
#include "domains/templates.h"
#include "kvmtest/relay.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {
namespace {

struct ConnectOptions {
  std::string domain;
  unsigned port = 0;
  bool host_keys = false;
};

/// A daemon that is there serves it, whatever settings that one has: nothing else that is up is to end for this.
client::DomainState state_of(client::Client& client, const core::Domain& domain) {
  try {
    return client::state_of(client.get("/v1/status"), domain);
  } catch (const client::Gone&) {
    return {};
  }
}

/// OpenSSH asks for [a.east]:2222 where the port is not 22.
std::string without_port(const std::string& name) {
  const auto end = name.rfind("]:");
  return name.starts_with('[') && end != std::string::npos ? name.substr(1, end - 1) : name;
}

int connect(const Context& context, const ConnectOptions& options) {
  const auto settings = context.common.settings();
  client::Client client(settings);
  if (options.host_keys) {
    const auto keys = client.get(client::domain_path(without_port(options.domain), "host-keys")).at("keys");
    for (const auto& key : keys) std::cout << fmt::format("{} {}\n", options.domain, key.get<std::string>());
    return 0;
  }
  const core::Domain domain =
      domains::Templates(settings.domains.templates, settings.domains.ready).parse_domain(options.domain);
  if (const auto state = state_of(client, domain); !state.up && !state.tested)
    client.with_daemon(context.common.config, [&] {
      client::bring_up(client, options.domain, {false, settings.workers, settings.reset.method});
    });
  const client::Port port =
      client::connect_to(client, options.domain, options.port != 0 ? options.port : settings.ssh.port);
  const int connection = port.connection.number();
  fcntl(connection, F_SETFL, fcntl(connection, F_GETFL) | O_NONBLOCK);
  if (relay(connection, port.daemon->descriptor())) return 0;
  throw client::Refused(options.domain + " goes back to its clean state", 3);
}

}  // namespace

void add_connect(client::Command& program, Context& context) {
  auto options = std::make_shared<ConnectOptions>();
  client::Command verb = add_verb(program, context, "connect", "pass bytes to a port of a domain and back, as nc does",
                                  [&context, options] { return connect(context, *options); });
  verb.add_option("DOMAIN", options->domain, "prefix and host: a.east").required();
  verb.add_option("PORT", options->port, "TCP port (default: ssh.port of the settings, 22)").within(1U, 65535U);
  verb.add_flag("--host-keys", options->host_keys,
                "only print the domain's SSH server's public keys, as known_hosts has them; it must be up");
  verb.footer(
      "For OpenSSH's ProxyCommand: see kvmtest ssh-config. A domain that is down is brought up first. The connection "
      "ends when the domain goes back to its clean state.");
}

}  // namespace kvmtest::command
