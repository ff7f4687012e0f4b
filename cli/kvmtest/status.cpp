// kvmtest status, install, uninstall, up, destroy.

#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/command.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

void print_status(const nlohmann::json& status) {
  const auto text = [&](const char* name) { return status.at(name).get<std::string>(); };
  std::cout << fmt::format("daemon    pid {}, {}, {} ({})\n", status.at("pid").get<int>(), text("state_dir"),
                           text("uri"), text("accelerator"));
  if (status.at("run").is_null())
    std::cout << "run       none\n";
  else
    std::cout << fmt::format("run       {}, {} of {} tests decided\n", status.at("run").get<std::int64_t>(),
                             status.at("decided").get<unsigned>(), status.at("tests").get<unsigned>());
  const auto& pool = status.at("pool");
  std::cout << fmt::format("reboots   {} of {} slots busy, {} queued\n", pool.at("resetting").get<unsigned>(),
                           pool.at("slots").get<unsigned>(), pool.at("queued").get<unsigned>());
  for (const auto& prefix : status.at("prefixes")) {
    std::vector<std::string> domains;
    for (const auto& [host, state] : prefix.at("domains").items())
      if (state != "off") domains.push_back(fmt::format("{} {}", host, state.get<std::string>()));
    std::cout << fmt::format(
        "prefix    '{}' {}{}{}{}{}\n", prefix.at("prefix").get<std::string>(), prefix.at("state").get<std::string>(),
        prefix.at("test").get<std::string>().empty() ? "" : " ", prefix.at("test").get<std::string>(),
        domains.empty() ? "" : "; ", fmt::join(domains, ", "));
  }
}

/// Starts the daemon if need be, asks, and ends it again if it was started for this alone.
void ask_about_prefixes(const Context& context, const settings::Settings& settings, const char* target,
                        bool end_after) {
  client::Client client(settings);
  client.ensure_daemon(context.common.config);
  client.post(target, {{"prefixes", settings.prefixes}});
  if (end_after && client.get("/v1/status").at("run").is_null()) client.shut_down();
}

}  // namespace

void add_status(client::Command& program, Context& context) {
  auto json = std::make_shared<bool>(false);
  client::Command verb = add_verb(program, context, "status", "tell what the daemon is doing", [&context, json] {
    const auto settings = context.common.settings();
    client::Client client(settings);
    if (!client.daemon_is_there()) {
      std::cout << (*json ? "null\n" : "no daemon is running here\n");
      return 0;
    }
    const auto status = client.get("/v1/status");
    if (*json)
      std::cout << wire::dump(status) << '\n';
    else
      print_status(status);
    return 0;
  });
  verb.add_flag("--json", *json, "as JSON");
}

void add_install(client::Command& program, Context& context) {
  add_verb(program, context, "install", "make the prefixes' networks and define their domains", [&context] {
    ask_about_prefixes(context, context.common.settings(), "/v1/install", false);
    return 0;
  });
  add_verb(program, context, "uninstall", "remove the prefixes' domains and networks, and end the daemon", [&context] {
    ask_about_prefixes(context, context.common.settings(), "/v1/uninstall", true);
    return 0;
  });
}

void add_domain(client::Command& program, Context& context) {
  struct Options {
    std::vector<std::string> domains;
    bool fresh = false;
  };
  auto up = std::make_shared<Options>();
  client::Command verb =
      add_verb(program, context, "up", "bring domains up to a logged-in shell, outside any run", [&context, up] {
        const auto settings = context.common.settings();
        client::Client client(settings);
        client.ensure_daemon(context.common.config);
        for (const std::string& domain : up->domains) {
          client.post(fmt::format("/v1/domains/{}/up?fresh={}&workers={}&reset={}", domain, up->fresh ? 1 : 0,
                                  settings.workers, settings::to_string(settings.reset.method)));
          std::cout << domain << ": up\n";
        }
        return 0;
      });
  verb.add_words("DOMAINS", up->domains, "for example a.east").required();
  verb.add_flag("--fresh", up->fresh, "reset it even when it is up");

  auto down = std::make_shared<Options>();
  verb = add_verb(program, context, "destroy", "take domains away that 'up' or kvmsh brought up", [&context, down] {
    const auto settings = context.common.settings();
    client::Client client(settings);
    for (const std::string& domain : down->domains) client.post(fmt::format("/v1/domains/{}/destroy", domain));
    return 0;
  });
  verb.add_words("DOMAINS", down->domains, "for example a.east").required();
}

}  // namespace kvmtest::command
