// kvmtest doctor: can this machine do it, and how fast.

#include <fstream>
#include <functional>
#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/client.h"
#include "domains/templates.h"
#include "kvmtest/load_tests.h"
#include "kvmtest/measure.h"
#include "kvmtest/verbs.h"
#include "setup/checks.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

using nlohmann::json;

struct DoctorOptions {
  bool measure = false;
  bool json = false;
  unsigned rounds = 5;
};

/// One line a check; false when one fails.
bool check(const settings::Settings& settings, json& report) {
  bool good = true;
  const auto checked = [&](const std::string& what, const std::function<std::string()>& look) {
    json entry{{"check", what}};
    try {
      entry["result"] = look();
      entry["good"] = true;
    } catch (const std::exception& e) {
      entry["result"] = e.what();
      entry["good"] = false;
      good = false;
    }
    report.push_back(std::move(entry));
  };
  checked("templates", [&] {
    const domains::Templates templates(settings.domains.templates, settings.domains.ready);
    settings::check_bridge_names(settings.prefixes, templates.networks());
    return fmt::format("{} hosts in {}", templates.hosts().size(), settings.domains.templates.string());
  });
  checked("guest", [&] {
    setup::check_guest_files(settings, domains::Templates(settings.domains.templates, settings.domains.ready));
    return settings::guest_files(settings).kernel.string();
  });
  checked("disk", [&] {
    setup::check_disk(settings);
    return settings.state_dir.string();
  });
  checked("bridges", [] {
    int filtered = 0;
    std::ifstream("/proc/sys/net/bridge/bridge-nf-call-iptables") >> filtered;
    if (filtered != 0)
      return std::string(
          "the host's iptables see what domains send each other (br_netfilter); if packets get lost: "
          "sysctl net.bridge.bridge-nf-call-iptables=0");
    return std::string("the host's packet filter leaves them alone");
  });
  checked("tests", [&] { return fmt::format("{} tests", load_tests(settings, {}, {}).size()); });
  return good;
}

int doctor(const Context& context, const DoctorOptions& options) {
  const auto settings = context.common.settings();
  json report{{"checks", json::array()}};
  bool good = check(settings, report["checks"]);
  if (good) {
    client::Client client(settings);
    json entry{{"check", "daemon"}, {"good", true}};
    try {
      client.with_daemon(context.common.config, [&] { client.post("/v1/install", {{"prefixes", settings.prefixes}}); });
      const json status = client.get("/v1/status");
      entry["result"] =
          fmt::format("{} ({})", status.at("uri").get<std::string>(), status.at("accelerator").get<std::string>());
      if (options.measure) report["measured"] = measure(context, settings, options.rounds);
    } catch (const client::Refused& e) {
      entry["good"] = good = false;
      entry["result"] = e.what();
    }
    report["checks"].push_back(std::move(entry));
  }
  if (options.json) {
    std::cout << wire::dump(report) << '\n';
    return good ? 0 : 3;
  }
  for (const json& entry : report["checks"])
    std::cout << fmt::format("{:4} {:10} {}\n", entry.at("good").get<bool>() ? "ok" : "BAD",
                             entry.at("check").get<std::string>(), entry.at("result").get<std::string>());
  if (report.contains("measured")) std::cout << measured_text(report["measured"], options.rounds);
  return good ? 0 : 3;
}

}  // namespace

void add_doctor(client::Command& program, Context& context) {
  auto options = std::make_shared<DoctorOptions>();
  client::Command verb =
      add_verb(program, context, "doctor", "check that this machine can run tests, and measure how fast",
               [&context, options] { return doctor(context, *options); });
  verb.add_flag("--measure", options->measure,
                "take times on real domains: boot, login, round trip, reset by snapshot, raw snapshot-load");
  verb.add_option("--rounds", options->rounds, "how often each is measured").show_default().within(1, 1000);
  verb.add_flag("--json", options->json, "as JSON, times in seconds");
}

}  // namespace kvmtest::command
