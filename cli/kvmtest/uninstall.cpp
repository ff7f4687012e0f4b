// kvmtest uninstall.

#include <nlohmann/json.hpp>

#include "client/client.h"
#include "kvmtest/active_run.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {

void add_uninstall(client::Command& program, Context& context) {
  add_verb(program, context, "uninstall", "remove the prefixes' domains and networks, and end the daemon", [&context] {
    const auto settings = context.common.settings();
    client::Client client(settings);
    client.with_daemon(context.common.config, [&] { client.post("/v1/uninstall", {{"prefixes", settings.prefixes}}); });
    if (!active_run(client)) client.shut_down();
    return 0;
  });
}

}  // namespace kvmtest::command
