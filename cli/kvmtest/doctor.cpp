// kvmtest doctor: can this machine do it, and how fast.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "core/input_error.h"
#include "kvmtest/command.h"
#include "service/fingerprint.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

using nlohmann::json;

struct DoctorOptions {
  bool measure = false;
  bool json = false;
  unsigned rounds = 5;
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

json up(client::Client& client, const std::string& domain, unsigned workers) {
  return client.post(fmt::format("/v1/domains/{}/up?workers={}", domain, workers));
}

double destroy(client::Client& client, const std::string& domain) {
  return client.post(fmt::format("/v1/domains/{}/destroy", domain)).at("took").get<double>();
}

/// Seconds of each of `count` round trips of an empty command.
void round_trips(client::Client& client, const std::string& domain, unsigned count, std::vector<double>& out) {
  for (unsigned i = 0; i < count; ++i)
    client.lines("POST", fmt::format("/v1/domains/{}/exec", domain), {{"command", ":"}, {"timeout", 60}},
                 [&](const json& line) {
                   if (line.contains("error")) throw client::Refused(line.at("error").get<std::string>(), 3);
                   if (!line.contains("status")) return true;
                   out.push_back(line.at("took").get<double>());
                   return false;
                 });
}

/// Wall seconds until all of `domains` are up, as many at the same time as there are.
double group_up(const settings::Settings& settings, const std::vector<std::string>& domains) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  std::vector<std::string> errors(domains.size());
  for (std::size_t i = 0; i < domains.size(); ++i)
    threads.emplace_back([&, i] {
      try {
        client::Client client(settings);
        up(client, domains[i], static_cast<unsigned>(domains.size()));
      } catch (const std::exception& e) {
        errors[i] = e.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors)
    if (!error.empty()) throw client::Refused(error, 3);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Medians on the user's own guests. Domains that were up are reset.
json measure(client::Client& client, const settings::Settings& settings, unsigned rounds) {
  const libvirt::Templates templates(settings.domains.templates);
  const std::string prefix = settings.prefixes.front();
  std::vector<std::string> group;
  for (const std::string& host : templates.hosts())
    if (group.size() < 2) group.push_back(prefix + host);
  for (const std::string& domain : group) {
    up(client, domain, 1);
    destroy(client, domain);
  }
  std::vector<double> boots, logins, totals, trips, destroys, groups;
  for (unsigned round = 0; round < rounds; ++round) {
    const json times = up(client, group[0], 1);
    boots.push_back(times.at("boot").get<double>());
    logins.push_back(times.at("login").get<double>());
    totals.push_back(times.at("total").get<double>());
    round_trips(client, group[0], 40, trips);
    destroys.push_back(destroy(client, group[0]));
  }
  json out{{"domain", group[0]},
           {"rounds", rounds},
           {"boot", median(boots)},
           {"login", median(logins)},
           {"boot_and_login", median(totals)},
           {"round_trip", median(trips)},
           {"destroy", median(destroys)}};
  if (group.size() == 2) {
    for (unsigned round = 0; round < rounds; ++round) {
      groups.push_back(group_up(settings, group));
      for (const std::string& domain : group) destroys.push_back(destroy(client, domain));
    }
    out["group_of_two"] = median(groups);
    out["group_ratio"] = median(groups) / median(totals);
  }
  return out;
}

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
    const libvirt::Templates templates(settings.domains.templates);
    settings::check_bridge_names(settings.prefixes, templates.networks());
    return fmt::format("{} hosts in {}", templates.hosts().size(), settings.domains.templates.string());
  });
  checked("guest", [&] {
    service::check_guest_files(settings, libvirt::Templates(settings.domains.templates));
    return settings.domains.kernel.string();
  });
  checked("disk", [&] {
    service::check_disk(settings);
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
      client.ensure_daemon(context.common.config);
      client.post("/v1/install", {{"prefixes", settings.prefixes}});
      const json status = client.get("/v1/status");
      entry["result"] =
          fmt::format("{} ({})", status.at("uri").get<std::string>(), status.at("accelerator").get<std::string>());
      if (options.measure) report["measured"] = measure(client, settings, options.rounds);
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
  if (report.contains("measured")) {
    const json& m = report["measured"];
    const auto row = [&](const char* name, const char* key, double factor, const char* unit) {
      if (m.contains(key)) std::cout << fmt::format("{:34} {:8.2f} {}\n", name, m.at(key).get<double>() * factor, unit);
    };
    std::cout << fmt::format("\nMedians of {} rounds on {}\n", options.rounds, m.at("domain").get<std::string>());
    row("boot to login prompt", "boot", 1, "s");
    row("login", "login", 1, "s");
    row("boot and login", "boot_and_login", 1, "s");
    row("command round trip", "round_trip", 1000, "ms");
    row("destroy", "destroy", 1, "s");
    row("group of two, two slots", "group_of_two", 1, "s");
    row("  times one domain's", "group_ratio", 1, "");
  }
  return good ? 0 : 3;
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* verb = add_verb(app, context, "doctor", "check that this machine can run tests, and measure how fast",
                            [&context, options] { return doctor(context, *options); });
  verb->add_flag("--measure", options->measure, "boot domains and take times: boot, login, round trip, destroy");
  verb->add_option("--rounds", options->rounds, "repetitions of each")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  verb->add_flag("--json", options->json, "as JSON, times in seconds");
}

}  // namespace kvmtest::command
