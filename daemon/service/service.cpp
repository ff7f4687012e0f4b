#include "service/service.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "core/input_error.h"
#include "engine/errors.h"
#include "report/metrics.h"
#include "report/run_summary.h"
#include "service/fingerprint.h"
#include "service/follow.h"
#include "service/inputs.h"
#include "suite/loader.h"
#include "telemetry/metrics.h"
#include "wire/record_json.h"

namespace kvmtest::service {

namespace record = core::record;
using core::InputError;
using namespace std::chrono_literals;

namespace {

std::vector<core::Prefix> ids(const std::vector<std::string>& prefixes) {
  std::vector<core::Prefix> out;
  for (const std::string& prefix : prefixes) out.emplace_back(prefix);
  return out;
}

std::vector<std::string> names(const std::vector<suite::LoadedTest>& tests) {
  std::vector<std::string> out;
  for (const auto& test : tests) out.push_back(test.test.name);
  return out;
}

/// What the attempts of an interrupted run came to.
core::SoFar so_far(const report::TestResult& test) {
  core::SoFar out;
  for (const report::Attempt& attempt : test.attempts) {
    if (!attempt.verdict) continue;
    out.stumbled = out.stumbled || attempt.verdict != core::Verdict::passed;
    if (!attempt.issues.empty() && attempt.issues.front().name == core::issue::host_fault) continue;
    ++out.counted;
    out.worst = core::worse(out.worst, *attempt.verdict);
  }
  return out;
}

/// How the run's order came about, where that is not plain to see.
std::string order_told(const suite::Selection& selection, const suite::Past& past) {
  switch (suite::resolved(selection, past)) {
    case suite::Order::longest: return "order: longest first, by what the tests took before";
    case suite::Order::failed: return "order: first what did not pass the last time, then what never ran";
    case suite::Order::reverse: return "order: reverse";
    case suite::Order::shuffle:
      return fmt::format("order: random; --order {} gives the same again", suite::order_text(selection));
    default: return {};
  }
}

}  // namespace

Service::Service(Parts parts) : parts_(std::move(parts)), fingerprint_(fingerprint(parts_.settings)) {}

void Service::prepare_prefixes(const std::vector<std::string>& prefixes) {
  settings::check_prefixes(prefixes, "prefixes");
  settings::check_bridge_names(prefixes, parts_.templates.networks());
  parts_.templates.check_prefixes(prefixes);
  check_guest_files(parts_.settings, parts_.templates);
  parts_.claims.claim(ids(prefixes));
  for (const core::Prefix& prefix : ids(prefixes)) parts_.hypervisor.install(prefix);
}

std::vector<suite::LoadedTest> Service::load(const RunRequest& request) {
  if (request.workers == 0) throw InputError("workers: at least 1");
  auto context = suite::context_for(parts_.settings, &parts_.templates.hosts());
  context.base = request.base;
  auto tests = suite::load(request.tests, std::move(context), request.format);
  suite::ignore_by(request.filter, tests);
  const std::set<std::string> left_out(request.left_out.begin(), request.left_out.end());
  std::erase_if(tests, [&](const suite::LoadedTest& loaded) { return left_out.contains(loaded.test.name); });
  suite::check_any_can_run(tests);
  if (!request.post_mortem.value_or(tests.size() > 1)) suite::drop_post_mortem(tests);
  return tests;
}

suite::Past Service::past(const std::vector<suite::LoadedTest>& tests) {
  const std::lock_guard guard(parts_.database_mutex);
  telemetry::Queries queries(parts_.database);
  return {queries.past_durations(names(tests)), queries.last_passed(names(tests))};
}

engine::RunOrder Service::order(core::RunId run, const RunRequest& request, std::vector<suite::LoadedTest> tests) {
  const auto& limits = parts_.settings.limits;
  engine::RunOrder order;
  order.plan.run = run;
  order.plan.slots = request.workers;
  order.plan.prefixes = ids(request.prefixes);
  order.plan.policy.boot_tries = limits.boot_tries;
  order.plan.policy.host_fault_retries = limits.host_fault_retries;
  order.plan.policy.quarantine_after = limits.quarantine_after;
  order.plan.policy.retries = request.selection.retries;
  order.plan.policy.repeat = request.selection.repeat;
  order.plan.policy.until_fail = request.selection.until_fail;
  order.plan.policy.keep_failed = request.keep_failed;
  order.plan.policy.max_fail = request.max_fail;
  order.require_some = request.require_some;
  order.tests = std::move(tests);
  order.limits = {limits.command, limits.test};
  order.kernel_warnings = parts_.settings.kernel.warnings;
  order.output = parts_.settings.state_dir / "runs" / std::to_string(run.value);
  return order;
}

/// The states of those of the domains that can go back to one.
core::States Service::states(const std::vector<core::Domain>& domains, settings::ResetMethod reset) {
  core::States states;
  if (reset == settings::ResetMethod::boot) return states;
  for (const core::Domain& domain : domains) {
    const core::StateId state = parts_.snapshots.state_of(domain);
    states.of.emplace(domain, state);
    if (parts_.snapshots.kept(state)) states.kept.insert(state);
  }
  return states;
}

void Service::add_states(engine::RunOrder& order, const RunRequest& request) {
  order.plan.quick_slots = std::max(request.workers, std::thread::hardware_concurrency());
  order.plan.memory = memory(request);
  std::map<core::Host, unsigned> wanted;
  for (const auto& test : order.plan.tests)
    for (const core::Host& host : test.hosts) ++wanted[host];
  std::vector<core::Domain> domains;
  for (const core::Prefix& prefix : order.plan.prefixes)
    for (const auto& [host, tests] : wanted) domains.push_back({prefix, host});
  core::States& states = order.plan.states;
  states = this->states(domains, request.reset);
  if (!request.keep) states.kept.clear();
  if (request.reset == settings::ResetMethod::automatic)
    std::erase_if(states.of, [&](const auto& entry) {
      return wanted[entry.first.host] < 2 && !states.kept.contains(entry.second);
    });
  if (request.spares) order.spares = spares(order.plan, wanted);
  if (!request.keep)
    order.at_end = [this, of = states.of] {
      for (const auto& [domain, state] : of) parts_.kept_states.drop(state);
    };
}

/// What QEMU takes beside the guest's memory: its own code and devices, and under emulation what it translates.
constexpr std::uint64_t qemu_overhead = 128ULL << 20U;
/// What the run leaves to everybody else.
constexpr std::uint64_t memory_reserve = 256ULL << 20U;

/// How many domains of the run may have a spare (docs/adr/0012): only what all of its domains together would leave.
unsigned Service::spares(const core::RunPlan& plan, const std::map<core::Host, unsigned>& wanted) {
  std::uint64_t all = 0;
  std::uint64_t largest = 0;
  for (const auto& [host, need] : plan.memory.need) {
    if (!wanted.contains(host)) continue;
    all += need * plan.prefixes.size();
    largest = std::max(largest, need);
  }
  if (plan.states.of.empty() || largest == 0 || plan.memory.budget <= all) return 0;
  return static_cast<unsigned>(std::min<std::uint64_t>(plan.states.of.size(), (plan.memory.budget - all) / largest));
}

core::Memory Service::memory(const RunRequest& request) {
  core::Memory memory;
  const std::uint64_t available = engine::memory_available();
  if (available == 0) return memory;
  memory.budget = available > 2 * memory_reserve ? available - memory_reserve : available / 2;
  for (const std::string& host : parts_.templates.hosts()) {
    const auto guest = settings::guest_files(parts_.settings);
    const domains::Substitutions with{
        "qemu", guest.kernel, guest.initrd, guest.image, parts_.settings.state_dir, guest.memory_mib};
    const std::uint64_t own = domains::memory_of(parts_.templates.render(parts_.templates.sample(host), with, {}));
    // A saved state holds at most all of the guest's memory, and lies in RAM.
    memory.need[core::Host{host}] = own + qemu_overhead + (request.reset == settings::ResetMethod::boot ? 0 : own);
  }
  return memory;
}

/// Names of what decides about each of the tests. A domain's state does not depend on its prefix: any will do.
std::vector<std::string> Service::inputs(const std::vector<suite::LoadedTest>& tests, const core::Prefix& prefix) {
  std::map<std::string, std::string> guests;
  std::vector<std::string> out;
  for (const auto& loaded : tests)
    out.push_back(inputs_of(loaded.test, [&](const std::string& host) {
      std::string& state = guests[host];
      if (state.empty()) state = parts_.snapshots.state_of({prefix, core::Host{host}}).value;
      return state;
    }));
  return out;
}

core::RunId Service::start_run(const RunRequest& request) {
  const std::lock_guard lock(starting_);
  auto tests = load(request);
  const suite::Past before = past(tests);
  tests = suite::choose(std::move(tests), request.selection, before);
  parts_.engine.check_free(ids(request.prefixes));
  check_disk(parts_.settings);
  prepare_prefixes(request.prefixes);

  const auto description = parts_.hypervisor.describe();
  record::RunStarted started{.prefixes = request.prefixes,
                             .workers = request.workers,
                             .tests = names(tests),
                             .uri = description.uri,
                             .accelerator = description.accelerator,
                             .settings = to_json(request).dump(),
                             .inputs = inputs(tests, core::Prefix{request.prefixes.front()})};
  core::RunId run;
  {
    const std::lock_guard guard(parts_.database_mutex);
    run = parts_.writer.create_run(started,
                                   std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now()));
  }
  auto ordered = order(run, request, std::move(tests));
  std::map<std::string, std::string> untested;
  for (std::size_t i = 0; i < ordered.tests.size(); ++i) {
    const core::TestIndex index{static_cast<std::uint32_t>(i)};
    if (!ordered.tests[i].test.obstacle.empty()) {
      ordered.decided[index] = core::Verdict::untested;
      untested[ordered.tests[i].test.name] = ordered.tests[i].test.obstacle;
      continue;
    }
    core::PlannedTest planned{index, ordered.tests[i].test.name, {}, 0};
    for (const std::string& host : ordered.tests[i].test.hosts) planned.hosts.emplace_back(host);
    ordered.plan.tests.push_back(std::move(planned));
  }
  add_states(ordered, request);
  parts_.recorder.put(run.value, std::move(started));
  if (auto told = order_told(request.selection, before); !told.empty())
    parts_.recorder.put(run.value, record::Notice{false, std::move(told)});
  for (const auto& [test, reason] : untested) parts_.recorder.put(run.value, record::TestUntested{test, reason});
  parts_.engine.start_run(std::move(ordered));
  return run;
}

std::optional<core::RunId> Service::resume_run() {
  const std::lock_guard lock(starting_);
  if (const auto active = parts_.engine.active_run()) return active;
  telemetry::Resume state;
  core::Duration spent{};
  {
    const std::lock_guard guard(parts_.database_mutex);
    telemetry::Queries queries(parts_.database);
    const auto run = queries.unfinished_run();
    if (!run) return std::nullopt;
    state = queries.resume_state(*run);
    spent = queries.run_summary(*run).makespan;
  }
  const RunRequest request = run_request_from(nlohmann::json::parse(state.created.settings));
  auto loaded = load(request);
  parts_.engine.check_free(ids(request.prefixes));
  check_disk(parts_.settings);
  prepare_prefixes(request.prefixes);

  // The run's own list counts; the files may have changed under it.
  std::map<std::string, suite::LoadedTest> by_name;
  for (auto& test : loaded) by_name.emplace(test.test.name, test);
  std::vector<suite::LoadedTest> tests;
  for (const auto& result : state.tests) {
    const auto found = by_name.find(result.name);
    if (found == by_name.end())
      throw InputError(fmt::format("run {} cannot go on: its test {} is gone", state.run.value, result.name));
    tests.push_back(found->second);
  }
  auto ordered = order(state.run, request, std::move(tests));
  for (std::size_t i = 0; i < state.tests.size(); ++i) {
    const auto& result = state.tests[i];
    const core::TestIndex index{static_cast<std::uint32_t>(i)};
    if (result.verdict) {
      ordered.decided[index] = *result.verdict;
      if (result.flaky) ++ordered.flaky;
      if (result.verdict == core::Verdict::failed || result.verdict == core::Verdict::unresolved) ++ordered.plan.failed;
      continue;
    }
    core::PlannedTest planned{
        index, result.name, {}, result.attempts.empty() ? 0 : result.attempts.back().number, so_far(result)};
    for (const std::string& host : ordered.tests[i].test.hosts) planned.hosts.emplace_back(host);
    ordered.plan.tests.push_back(std::move(planned));
  }
  ordered.spent = spent;
  add_states(ordered, request);
  parts_.recorder.put(state.run.value, record::RunResumed{static_cast<unsigned>(ordered.decided.size()),
                                                          static_cast<unsigned>(state.unjudged.size())});
  parts_.engine.start_run(std::move(ordered));
  return state.run;
}

void Service::stop(const std::string& by, bool release) {
  parts_.engine.stop_run(by, release);
  parts_.engine.wait_for_no_run(60s);
  destroy_all(release);
}

/// Domains that clients brought up, and those that failed tests left.
void Service::destroy_all(bool release) {
  if (parts_.engine.active_run()) return;
  const auto kept = parts_.engine.kept();
  for (const auto& prefix : parts_.engine.status().prefixes)
    if (release || !kept.contains(core::Prefix{prefix.prefix})) destroy_domains(prefix);
}

void Service::destroy_domains(const engine::Engine::PrefixStatus& prefix) {
  for (const auto& [host, state] : prefix.domains)
    if (state != "off") parts_.engine.destroy_domain({core::Prefix{prefix.prefix}, core::Host{host}});
}

engine::ResetTimes Service::bring_up(const core::Domain& domain, bool fresh, unsigned slots,
                                     settings::ResetMethod reset) {
  {
    const std::lock_guard lock(starting_);
    if (!parts_.engine.in_run(domain.prefix)) prepare_prefixes({domain.prefix.value});
  }
  // A client's domain is there to be used for long; `auto` saves no state for it.
  auto states = this->states({domain}, reset);
  if (reset == settings::ResetMethod::automatic && states.kept.empty()) states = {};
  return parts_.engine.request_domain(domain, {fresh, slots, std::move(states)});
}

core::Duration Service::destroy(const core::Domain& domain) { return parts_.engine.destroy_domain(domain); }

void Service::install(const std::vector<std::string>& prefixes) {
  const std::lock_guard lock(starting_);
  if (parts_.engine.active_run()) throw engine::Busy("a run is active");
  prepare_prefixes(prefixes);
}

void Service::uninstall(const std::vector<std::string>& prefixes) {
  const std::lock_guard lock(starting_);
  if (parts_.engine.active_run()) throw engine::Busy("a run is active; 'kvmtest stop' ends it");
  settings::check_prefixes(prefixes, "prefixes");
  parts_.claims.claim(ids(prefixes));
  const std::set<std::string> wanted(prefixes.begin(), prefixes.end());
  for (const auto& prefix : parts_.engine.status().prefixes)
    if (wanted.contains(prefix.prefix)) destroy_domains(prefix);
  for (const core::Prefix& prefix : ids(prefixes)) {
    parts_.hypervisor.uninstall(prefix);
    parts_.claims.release(prefix);
  }
  forget_states();
}

nlohmann::json Service::kept_states() {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& kept : parts_.kept_states.list())
    list.push_back({{"key", kept.state.value},
                    {"domain", kept.domain},
                    {"bytes", kept.bytes},
                    {"made", wire::iso8601(kept.made)},
                    {"used", wire::iso8601(kept.used)},
                    {"in_ram", kept.in_ram},
                    {"inputs", kept.inputs}});
  return list;
}

unsigned Service::forget_states() {
  if (parts_.engine.active_run()) throw engine::Busy("a run is active and uses the saved states");
  unsigned count = 0;
  for (const auto& kept : parts_.kept_states.list()) count += parts_.kept_states.drop(kept.state) ? 1 : 0;
  return count;
}

nlohmann::json Service::status() {
  const auto state = parts_.engine.status();
  const auto description = parts_.hypervisor.describe();
  nlohmann::json prefixes = nlohmann::json::array();
  for (const auto& prefix : state.prefixes)
    prefixes.push_back(
        {{"prefix", prefix.prefix}, {"state", prefix.state}, {"test", prefix.test}, {"domains", prefix.domains}});
  nlohmann::json out{{"pid", getpid()},
                     {"version", KVMTEST_VERSION},
                     {"fingerprint", fingerprint_},
                     {"state_dir", parts_.settings.state_dir.string()},
                     {"uri", description.uri},
                     {"accelerator", description.accelerator},
                     {"pool", {{"slots", state.slots}, {"resetting", state.resetting}, {"queued", state.queued}}},
                     {"tests", state.tests},
                     {"decided", state.decided},
                     {"prefixes", std::move(prefixes)}};
  out["run"] = state.run ? nlohmann::json(state.run->value) : nlohmann::json(nullptr);
  return out;
}

std::string Service::metrics() {
  const auto state = parts_.engine.status();
  report::Metrics metrics;
  {
    const std::lock_guard guard(parts_.database_mutex);
    metrics = telemetry::metrics(parts_.database);
  }
  report::Activity now{.run = state.run,
                       .tests = state.tests,
                       .decided = state.decided,
                       .slots = state.slots,
                       .resetting = state.resetting,
                       .queued = state.queued};
  for (const auto& prefix : state.prefixes) now.prefixes.push_back({prefix.prefix, prefix.state});
  metrics.activity = std::move(now);
  return report::metrics_text(metrics);
}

void Service::follow(core::RunId run, std::int64_t sequence, const std::function<bool(const record::Record&)>& take,
                     const std::function<bool()>& quiet) {
  struct Source final : RecordSource {
    Source(Parts& to_parts, core::RunId of) : parts(to_parts), run(of) {}
    bool complete() override { return parts.engine.active_run() != run && parts.recorder.flush(0ms); }
    std::vector<record::Record> read(std::int64_t after) override {
      constexpr std::size_t batch = 1000;
      const std::lock_guard guard(parts.database_mutex);
      return telemetry::Queries(parts.database).records(run, after, batch);
    }
    bool wait_beyond(std::int64_t after) override { return parts.recorder.wait_beyond(after, 500ms); }

    Parts& parts;
    core::RunId run;
  } source(parts_, run);
  service::follow(source, sequence, take, quiet);
}

std::optional<core::RunId> Service::latest_run() {
  const std::lock_guard guard(parts_.database_mutex);
  return telemetry::Queries(parts_.database).latest_run();
}

}  // namespace kvmtest::service
