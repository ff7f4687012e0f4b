#include "kvmtest/measure.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/client.h"
#include "client/domains.h"
#include "domains/templates.h"

namespace kvmtest::command {
namespace {

using client::bring_up;
using client::destroy;
using nlohmann::json;
using settings::ResetMethod;

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// Seconds of each of `count` round trips of an empty command.
void round_trips(client::Client& client, const std::string& domain, unsigned count, std::vector<double>& out) {
  for (unsigned i = 0; i < count; ++i)
    client.lines("POST", client::domain_path(domain, "exec"), {{"command", ":"}, {"timeout", 60}},
                 [&](const json& line) {
                   if (line.contains("error")) throw client::Refused(line.at("error").get<std::string>(), 3);
                   if (!line.contains("status")) return true;
                   out.push_back(line.at("took").get<double>());
                   return false;
                 });
}

/// Wall seconds until all of `domains` are up, as many at the same time as there are.
double group_up(const settings::Settings& settings, const std::vector<std::string>& domains, ResetMethod reset) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  std::vector<std::string> errors(domains.size());
  for (std::size_t i = 0; i < domains.size(); ++i)
    threads.emplace_back([&, i] {
      try {
        client::Client client(settings);
        bring_up(client, domains[i], {true, static_cast<unsigned>(domains.size()), reset});
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
    const json times = bring_up(client, domain, {true, 1, ResetMethod::boot});
    samples.add(times, "boot", "boot");
    samples.add(times, "login", "login");
    samples.add(times, "total", "boot_and_login");
    round_trips(client, domain, 40, samples.of["round_trip"]);
    samples.of["destroy"].push_back(destroy(client, domain));
  }
}

/// Resets of a domain that is up, and in turn with them what no reset can be quicker than: QEMU's own snapshot-load and
/// one trip to the shell and back after it. Returns why it cannot be done, or nothing.
std::string measure_resets(client::Client& client, const std::vector<std::string>& group, unsigned rounds,
                           Samples& samples) {
  const std::string& domain = group[0];
  std::string beside;
  const json first = bring_up(client, domain, {true, 1, ResetMethod::snapshot});
  if (first.at("method") == "boot" && !first.at("note").get<std::string>().empty())
    return first.at("note").get<std::string>();
  bring_up(client, domain, {true, 1, ResetMethod::snapshot});  // the first one after a boot is a restore
  if (group.size() == 2) {
    bring_up(client, group[1], {false, 1, ResetMethod::snapshot});
    beside = "?beside=" + group[1];
  }
  for (unsigned round = 0; round < rounds; ++round) {
    const json times = bring_up(client, domain, {true, 1, ResetMethod::snapshot});
    if (times.at("method") != "load") return "the domain was not taken back, but booted: see the daemon's log";
    samples.add(times, "total", "reset");
    samples.add(times, "load", "reset_load");
    samples.add(times, "verify", "reset_verify");
    const json raw = client.post(client::domain_path(group[0], "raw-load") + beside);
    samples.add(raw, "load", "raw_load");
    samples.add(raw, "round_trip", "raw_round_trip");
    samples.of["still"].push_back(raw.at("freeze").get<double>() + raw.at("thaw").get<double>());
    samples.of["raw"].push_back(raw.at("load").get<double>() + raw.at("round_trip").get<double>());
  }
  for (const std::string& each : group) destroy(client, each);
  return {};
}

/// A daemon that has just started, with the states of an earlier one: from its start to a group that is ready.
void measure_first_ready(const Context& context, const settings::Settings& settings,
                         const std::vector<std::string>& group, unsigned rounds, Samples& samples) {
  client::Client client(settings);
  group_up(settings, group, ResetMethod::snapshot);
  for (unsigned round = 0; round < rounds; ++round) {
    client.shut_down();
    const auto start = std::chrono::steady_clock::now();
    client.ensure_daemon(context.common.config);
    group_up(settings, group, ResetMethod::snapshot);
    samples.of["first_ready"].push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  for (const std::string& domain : group) destroy(client, domain);
}

}  // namespace

json measure(const Context& context, const settings::Settings& settings, unsigned rounds) {
  client::Client client(settings);
  const domains::Templates templates(settings.domains.templates, settings.domains.ready);
  const std::string prefix = settings.prefixes.front();
  std::vector<std::string> group;
  for (const std::string& host : templates.hosts())
    if (group.size() < 2) group.push_back(prefix + host);
  Samples samples;
  for (const std::string& domain : group) {
    bring_up(client, domain, {true, 1, ResetMethod::boot});
    destroy(client, domain);
  }
  measure_boots(client, group[0], rounds, samples);
  if (group.size() == 2)
    for (unsigned round = 0; round < rounds; ++round) {
      samples.of["group_of_two"].push_back(group_up(settings, group, ResetMethod::boot));
      for (const std::string& domain : group) samples.of["destroy"].push_back(destroy(client, domain));
    }
  const std::string problem = measure_resets(client, group, rounds, samples);
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

std::string measured_text(const json& m, unsigned rounds) {
  std::string out = fmt::format("\nMedians of {} rounds on {}\n", rounds, m.at("domain").get<std::string>());
  const auto row = [&](const char* name, const char* key, double factor, const char* unit) {
    if (m.contains(key)) out += fmt::format("{:36} {:8.2f} {}\n", name, m.at(key).get<double>() * factor, unit);
  };
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
  row("a group of two stands still, goes on", "still", 1000, "ms");
  row("reset / (raw load + round trip)", "reset_ratio", 1, "");
  row("boot and login / reset", "boot_ratio", 1, "");
  row("daemon's start to first group ready", "first_ready", 1, "s");
  if (m.contains("no_snapshots"))
    out += fmt::format("resets by snapshot do not work here: {}\n", m.at("no_snapshots").get<std::string>());
  return out;
}

}  // namespace kvmtest::command
