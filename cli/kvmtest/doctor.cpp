// kvmtest doctor: can this machine do it, and how fast.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "core/input_error.h"
#include "kvmtest/command.h"
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

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

json up(client::Client& client, const std::string& domain, unsigned workers, const char* reset) {
  return client.post(fmt::format("/v1/domains/{}/up?fresh=1&workers={}&reset={}", domain, workers, reset));
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
double group_up(const settings::Settings& settings, const std::vector<std::string>& domains, const char* reset) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  std::vector<std::string> errors(domains.size());
  for (std::size_t i = 0; i < domains.size(); ++i)
    threads.emplace_back([&, i] {
      try {
        client::Client client(settings);
        up(client, domains[i], static_cast<unsigned>(domains.size()), reset);
      } catch (const std::exception& e) {
        errors[i] = e.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors)
    if (!error.empty()) throw client::Refused(error, 3);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Times, in seconds, by name.
struct Samples {
  std::map<std::string, std::vector<double>> of;
  void add(const json& times, const std::string& from, const std::string& as) {
    of[as].push_back(times.at(from).get<double>());
  }
  double middle(const std::string& name) { return median(of[name]); }
};

void measure_boots(client::Client& client, const std::string& domain, unsigned rounds, Samples& samples) {
  for (unsigned round = 0; round < rounds; ++round) {
    const json times = up(client, domain, 1, "boot");
    samples.add(times, "boot", "boot");
    samples.add(times, "login", "login");
    samples.add(times, "total", "boot_and_login");
    round_trips(client, domain, 40, samples.of["round_trip"]);
    samples.of["destroy"].push_back(destroy(client, domain));
  }
}

/// Resets of a domain that is up, and in turn with them what no reset can be quicker than: QEMU's own snapshot-load and
/// one trip to the shell and back after it. Returns why it cannot be done, or nothing.
std::string measure_resets(client::Client& client, const std::string& domain, unsigned rounds, Samples& samples) {
  const json first = up(client, domain, 1, "snapshot");
  if (first.at("method") == "boot" && !first.at("note").get<std::string>().empty())
    return first.at("note").get<std::string>();
  up(client, domain, 1, "snapshot");  // the first one after a boot is a restore
  for (unsigned round = 0; round < rounds; ++round) {
    const json times = up(client, domain, 1, "snapshot");
    if (times.at("method") != "load") return "the domain was not taken back, but booted: see the daemon's log";
    samples.add(times, "total", "reset");
    samples.add(times, "load", "reset_load");
    samples.add(times, "verify", "reset_verify");
    const json raw = client.post(fmt::format("/v1/domains/{}/raw-load", domain));
    samples.add(raw, "load", "raw_load");
    samples.add(raw, "round_trip", "raw_round_trip");
    samples.of["raw"].push_back(raw.at("load").get<double>() + raw.at("round_trip").get<double>());
  }
  destroy(client, domain);
  return {};
}

/// A daemon that has just started, with the states of an earlier one: from its start to a group that is ready.
void measure_first_ready(const Context& context, const settings::Settings& settings,
                         const std::vector<std::string>& group, unsigned rounds, Samples& samples) {
  client::Client client(settings);
  group_up(settings, group, "snapshot");
  for (unsigned round = 0; round < rounds; ++round) {
    client.shut_down();
    const auto start = std::chrono::steady_clock::now();
    client.ensure_daemon(context.common.config);
    group_up(settings, group, "snapshot");
    samples.of["first_ready"].push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  for (const std::string& domain : group) destroy(client, domain);
}

/// Medians on the user's own guests. Domains that were up are reset.
json measure(const Context& context, const settings::Settings& settings, unsigned rounds) {
  client::Client client(settings);
  const domains::Templates templates(settings.domains.templates, settings.domains.ready);
  const std::string prefix = settings.prefixes.front();
  std::vector<std::string> group;
  for (const std::string& host : templates.hosts())
    if (group.size() < 2) group.push_back(prefix + host);
  Samples samples;
  for (const std::string& domain : group) {
    up(client, domain, 1, "boot");
    destroy(client, domain);
  }
  measure_boots(client, group[0], rounds, samples);
  if (group.size() == 2)
    for (unsigned round = 0; round < rounds; ++round) {
      samples.of["group_of_two"].push_back(group_up(settings, group, "boot"));
      for (const std::string& domain : group) samples.of["destroy"].push_back(destroy(client, domain));
    }
  const std::string problem = measure_resets(client, group[0], rounds, samples);
  if (problem.empty()) measure_first_ready(context, settings, group, rounds, samples);

  json out{{"domain", group[0]}, {"rounds", rounds}};
  for (const auto& [name, times] : samples.of)
    if (!times.empty()) out[name] = median(times);
  if (group.size() == 2) out["group_ratio"] = samples.middle("group_of_two") / samples.middle("boot_and_login");
  if (!problem.empty()) {
    out["no_snapshots"] = problem;
    return out;
  }
  out["reset_ratio"] = samples.middle("reset") / samples.middle("raw");
  out["boot_ratio"] = samples.middle("boot_and_login") / samples.middle("reset");
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
      client.ensure_daemon(context.common.config);
      client.post("/v1/install", {{"prefixes", settings.prefixes}});
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
  if (report.contains("measured")) {
    const json& m = report["measured"];
    const auto row = [&](const char* name, const char* key, double factor, const char* unit) {
      if (m.contains(key)) std::cout << fmt::format("{:36} {:8.2f} {}\n", name, m.at(key).get<double>() * factor, unit);
    };
    std::cout << fmt::format("\nMedians of {} rounds on {}\n", options.rounds, m.at("domain").get<std::string>());
    row("boot to login prompt", "boot", 1, "s");
    row("login", "login", 1, "s");
    row("boot and login", "boot_and_login", 1, "s");
    row("command round trip", "round_trip", 1000, "ms");
    row("destroy", "destroy", 1, "s");
    row("group of two, two slots", "group_of_two", 1, "s");
    row("  times one domain's", "group_ratio", 1, "");
    row("reset by snapshot", "reset", 1000, "ms");
    row("  of that, snapshot-load", "reset_load", 1000, "ms");
    row("  of that, verified and renewed", "reset_verify", 1000, "ms");
    row("raw snapshot-load", "raw_load", 1000, "ms");
    row("first round trip after it", "raw_round_trip", 1000, "ms");
    row("reset / (raw load + round trip)", "reset_ratio", 1, "");
    row("boot and login / reset", "boot_ratio", 1, "");
    row("daemon's start to first group ready", "first_ready", 1, "s");
    if (m.contains("no_snapshots"))
      std::cout << "resets by snapshot do not work here: " << m.at("no_snapshots").get<std::string>() << '\n';
  }
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
  verb.add_option("--rounds", options->rounds, "repetitions of each").show_default().within(1, 1000);
  verb.add_flag("--json", options->json, "as JSON, times in seconds");
}

}  // namespace kvmtest::command
