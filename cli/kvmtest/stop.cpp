// kvmtest stop.

#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "client/client.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {
namespace {

int stop(const Context& context, bool daemon) {
  const auto settings = context.common.settings();
  client::Client client(settings);
  try {
    client.post("/v1/stop", {{"by", "kvmtest stop"}});
    if (daemon) client.shut_down();
  } catch (const client::Gone&) {
    std::cout << "no daemon is running here\n";
  }
  return 0;
}

}  // namespace

void add_stop(client::Command& program, Context& context) {
  auto daemon = std::make_shared<bool>(false);
  client::Command verb = add_verb(program, context, "stop", "stop the active run and destroy every domain that is up",
                                  [&context, daemon] { return stop(context, *daemon); });
  verb.add_flag("--daemon", *daemon, "end the daemon as well");
}

}  // namespace kvmtest::command
