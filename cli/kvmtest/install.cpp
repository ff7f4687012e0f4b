// kvmtest install.

#include <nlohmann/json.hpp>

#include "client/client.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {

void add_install(client::Command& program, Context& context) {
  add_verb(program, context, "install", "make the prefixes' networks and define their domains", [&context] {
    const auto settings = context.common.settings();
    client::Client client(settings);
    client.with_daemon(context.common.config, [&] { client.post("/v1/install", {{"prefixes", settings.prefixes}}); });
    return 0;
  });
}

}  // namespace kvmtest::command
