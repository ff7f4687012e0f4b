// kvmtest status.

#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "client/client.h"
#include "kvmtest/verbs.h"
#include "report/text.h"
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
  std::vector<std::string> reserve;
  for (const auto& prefix : status.at("prefixes")) {
    if (prefix.at("state") == "in reserve") {
      reserve.push_back(prefix.at("prefix").get<std::string>());
      continue;
    }
    std::vector<std::string> domains;
    for (const auto& [host, state] : prefix.at("domains").items())
      if (state != "off") domains.push_back(fmt::format("{} {}", host, state.get<std::string>()));
    std::cout << fmt::format(
        "prefix    '{}' {}{}{}{}{}\n", prefix.at("prefix").get<std::string>(), prefix.at("state").get<std::string>(),
        prefix.at("test").get<std::string>().empty() ? "" : " ", prefix.at("test").get<std::string>(),
        domains.empty() ? "" : "; ", fmt::join(domains, ", "));
  }
  if (!reserve.empty()) std::cout << fmt::format("reserve   {}\n", report::prefixes_text(reserve));
}

}  // namespace

void add_status(client::Command& program, Context& context) {
  auto json = std::make_shared<bool>(false);
  client::Command verb = add_verb(program, context, "status", "tell what the daemon is doing", [&context, json] {
    const auto settings = context.common.settings();
    client::Client client(settings);
    nlohmann::json status;
    try {
      status = client.get("/v1/status?at_once=1");
    } catch (const client::Gone&) {
      std::cout << (*json ? "null\n" : "no daemon is running here\n");
      return 0;
    }
    if (*json)
      std::cout << wire::dump(status) << '\n';
    else if (status.value("starting", false))
      std::cout << fmt::format("daemon    pid {}, {}, is starting\n", status.at("pid").get<int>(),
                               status.at("state_dir").get<std::string>());
    else
      print_status(status);
    return 0;
  });
  verb.add_flag("--json", *json, "as JSON");
}

}  // namespace kvmtest::command
