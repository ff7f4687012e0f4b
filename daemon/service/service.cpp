#include "service/service.h"

#include <exception>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "core/input_error.h"
#include "engine/errors.h"
#include "report/metrics.h"
#include "report/run_summary.h"
#include "service/follow.h"
#include "service/inputs.h"
#include "setup/checks.h"
#include "setup/fingerprint.h"
#include "setup/machine.h"
#include "suite/loader.h"
#include "wire/record_json.h"

namespace kvmtest::service {

namespace record = core::record;
using core::InputError;
using namespace std::chrono_literals;

namespace {
constexpr auto end_patience = 60s;  // for the active run's end
}  // namespace

Service::Service(Parts parts) : parts_(std::move(parts)), fingerprint_(setup::fingerprint(parts_.settings)) {}

void Service::prepare_prefixes(const std::vector<std::string>& prefixes) {
  settings::check_prefixes(prefixes, "prefixes");
  settings::check_bridge_names(prefixes, parts_.templates.networks());
  parts_.templates.check_prefixes(prefixes);
  setup::check_guest_files(parts_.settings, parts_.templates);
  parts_.claims.claim(planning::prefixes_of(prefixes));
  for (const core::Prefix& prefix : planning::prefixes_of(prefixes)) parts_.hypervisor.install(prefix);
}

/// Those that the request wants, as loaded.
Service::Loaded Service::load(const planning::RunRequest& request) {
  auto context = suite::context_for(parts_.settings, &parts_.templates.hosts());
  context.base = request.base;
  Loaded loaded;
  loaded.spool = context.spool = std::make_shared<base::Spool>(parts_.settings.state_dir);
  loaded.tests = planning::wanted(suite::load(request.tests, std::move(context), request.format), request.choice).tests;
  loaded.post_mortem = planning::looks_at_hosts_afterwards(request.choice, loaded.tests.size());
  return loaded;
}

planning::Past Service::past(const std::vector<suite::LoadedTest>& tests) {
  const auto names = planning::names_of(tests);
  return parts_.database.read([&](telemetry::Queries& queries) -> planning::Past {
    return {queries.past_durations(names), queries.last_passed(names)};
  });
}

planning::CleanState Service::clean_state(const core::Domain& domain) {
  const core::SavedStateId state = parts_.snapshots.state_of(domain);
  return {state, parts_.snapshots.kept(state)};
}

/// Those that an automatic request's run may use, and that nobody else uses; those of any other request as they are.
std::vector<std::string> Service::prefixes_for(const planning::RunRequest& request,
                                               const std::vector<suite::LoadedTest>& tests) {
  if (!request.automatic.prefixes) return request.prefixes;
  const auto wanted = planning::useful_prefixes(request, tests, setup::machine(parts_.settings, parts_.templates));
  std::vector<std::string> out;
  std::exception_ptr refused;
  for (const std::string& prefix : request.prefixes) {
    if (out.size() == wanted) break;
    try {
      parts_.claims.claim({core::Prefix{prefix}});
      parts_.engine.make_room({core::Prefix{prefix}}, 0);
      if (parts_.engine.is_connected(core::Prefix{prefix}))
        throw engine::Busy(fmt::format("somebody is connected to a domain of prefix '{}'", prefix));
      out.push_back(prefix);
    } catch (const engine::ClaimRefused&) {
      refused = std::current_exception();
    } catch (const engine::Busy&) {  // somebody has a shell there, or it holds what a failure left
      refused = std::current_exception();
    }
  }
  if (out.empty()) std::rethrow_exception(refused);
  return out;
}

/// What a run needs beside its tests.
void Service::make_ready(const planning::RunRequest& request) {
  const auto machine = setup::machine(parts_.settings, parts_.templates);
  parts_.engine.make_room(planning::prefixes_of(request.prefixes),
                          request.workers + planning::quick_slots(request, machine));
  setup::check_disk(parts_.settings);
  prepare_prefixes(request.prefixes);
}

/// Plans the run; `results`: see planning::plan().
Service::Planned Service::plan_run(core::RunId run, const planning::RunRequest& request, Loaded loaded,
                                   const std::vector<report::TestResult>& results) {
  const settings::Settings& settings = parts_.settings;
  suite::Shelf tests(std::move(loaded.tests), std::move(loaded.spool), loaded.post_mortem);
  loaded.tests = std::vector<suite::LoadedTest>();
  malloc_trim(0);  // what the loading of tens of thousands of tests took is the machine's again
  auto plan = planning::plan(request, tests, results, settings.limits, setup::machine(settings, parts_.templates),
                             [this](const core::Domain& domain) { return clean_state(domain); });
  plan.run.run = run;
  planning::set_sharing(plan.run, settings.load);
  engine::RunOrder order;
  if (!request.keep)
    order.at_end = [this, of = plan.run.states.of] {
      for (const auto& [domain, state] : of) parts_.kept_states.drop(state);
    };
  order.plan = std::move(plan.run);
  order.tests = std::move(tests);
  order.limits = {settings.limits.command, settings.limits.test};
  order.kernel_warnings = settings.kernel.warnings;
  order.output = settings.state_dir.run(run);
  order.decided = std::move(plan.decided);
  order.flaky = plan.flaky;
  order.require_some = request.require_some;
  return {std::move(order), std::move(plan.untested)};
}

/// Begins to drive the run, once `first` is on record.
void Service::begin(Planned planned, std::vector<record::Body> first) {
  const std::int64_t run = planned.order.plan.run.value;
  for (record::Body& body : first) parts_.recorder.put(run, std::move(body));
  for (const auto& [test, reason] : planned.untested) parts_.recorder.put(run, record::TestUntested{test, reason});
  parts_.engine.start_run(std::move(planned.order));
}

core::RunId Service::start_run(planning::RunRequest request) {
  const base::Lock lock(starting_);
  parts_.engine.check_not_ending();
  Loaded loaded = load(request);
  const planning::Past before = past(loaded.tests);
  loaded.tests = planning::choose(std::move(loaded.tests), request.choice, before);
  request.prefixes = prefixes_for(request, loaded.tests);
  make_ready(request);

  const auto description = parts_.hypervisor.describe();
  const core::Prefix any{request.prefixes.front()};  // a domain's state does not depend on its prefix
  record::RunStarted started{.prefixes = request.prefixes,
                             .workers = request.workers,
                             .tests = planning::names_of(loaded.tests),
                             .uri = description.uri,
                             .accelerator = description.accelerator,
                             .settings = planning::to_json(request).dump(),
                             .inputs = inputs_of(loaded.tests, [&](const std::string& host) {
                               return parts_.snapshots.state_of({any, core::Host{host}}).value;
                             })};
  const core::RunId run = parts_.database.create_run(
      started, std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now()));
  std::vector<record::Body> first{std::move(started)};
  if (auto told = planning::ordering_told(request.choice, before); !told.empty())
    first.emplace_back(record::Notice{false, std::move(told)});
  begin(plan_run(run, request, std::move(loaded), {}), std::move(first));
  return run;
}

std::optional<core::RunId> Service::resume_run() {
  const base::Lock lock(starting_);
  if (const auto active = parts_.engine.active_run()) return active;
  parts_.engine.check_not_ending();
  core::Duration spent{};
  const auto unfinished = parts_.database.read([&](telemetry::Queries& queries) -> std::optional<telemetry::Resume> {
    const auto run = queries.unfinished_run();
    if (!run) return std::nullopt;
    spent = queries.run_summary(*run).makespan;
    return queries.resume_state(*run);
  });
  if (!unfinished) return std::nullopt;
  const telemetry::Resume& state = *unfinished;
  auto request = planning::request_from(nlohmann::json::parse(state.created.settings));
  // The run's own list counts; the files may have changed under it.
  Loaded loaded = load(request);
  loaded.tests =
      planning::choose_again(std::move(loaded.tests), state.created.tests, fmt::format("run {}", state.run.value));
  request.prefixes = prefixes_for(request, loaded.tests);
  make_ready(request);
  auto planned = plan_run(state.run, request, std::move(loaded), state.tests);
  planned.order.spent = spent;
  const record::RunResumed resumed{static_cast<unsigned>(planned.order.decided.size()),
                                   static_cast<unsigned>(state.unjudged.size())};
  begin(std::move(planned), {resumed});
  return state.run;
}

void Service::stop(const std::string& by, bool release) {
  parts_.engine.stop_run(by, release);
  parts_.engine.wait_for_no_run(end_patience);
  destroy_all(release);
}

void Service::end(const std::string& why) {
  {
    // A run is on record before it is driven: one is interrupted that is both, and none is put on record any more.
    const base::Lock lock(starting_);
    parts_.engine.begin_to_end();
    parts_.engine.interrupt_run(why);
  }
  parts_.engine.wait_for_no_run(end_patience);
  destroy_all(true);
}

void Service::end_stopped_runs() {
  const auto stopped = parts_.database.read([](telemetry::Queries& queries) {
    std::vector<report::RunSummary> runs;
    for (const core::RunId run : queries.stopped_runs()) runs.push_back(queries.run_summary(run));
    return runs;
  });
  for (const report::RunSummary& run : stopped) {
    const report::Counts counts = report::count(run.tests);
    parts_.recorder.put(run.run.value, record::RunFinished{.outcome = record::Outcome::stopped,
                                                           .passed = counts.passed,
                                                           .failed = counts.failed,
                                                           .unresolved = counts.unresolved,
                                                           .untested = counts.untested + counts.undecided,
                                                           .unsupported = counts.unsupported,
                                                           .flaky = counts.flaky,
                                                           .makespan = run.makespan,
                                                           .exit_status = 130});
  }
}

void Service::take_over(bool go_on) {
  try {
    end_stopped_runs();
    const bool interrupted = parts_.database.read([](telemetry::Queries& queries) {
      const auto run = queries.unfinished_run();
      return run && run == queries.latest_run();
    });
    if (go_on && interrupted) resume_run();
  } catch (const std::exception& e) {
    parts_.recorder.put(0, record::Notice{true, fmt::format("the interrupted run does not go on: {}", e.what())});
  }
}

/// Domains that clients brought up, and those that failed tests left.
void Service::destroy_all(bool release) {
  if (parts_.engine.active_run()) return;
  const auto held = parts_.engine.held();
  for (const auto& prefix : parts_.engine.status().prefixes)
    if (release || !held.contains(core::Prefix{prefix.prefix})) destroy_domains(prefix);
}

void Service::destroy_domains(const engine::Engine::PrefixStatus& prefix) {
  for (const auto& [host, state] : prefix.domains)
    if (state != "off") parts_.engine.destroy_domain({core::Prefix{prefix.prefix}, core::Host{host}});
}

core::Domain Service::domain(const std::string& name) const {
  core::Domain domain = parts_.templates.parse_domain(name);
  settings::check_prefixes({domain.prefix.value}, "domain");
  return domain;
}

engine::ResetTimes Service::bring_up(const core::Domain& domain, bool fresh, unsigned slots,
                                     settings::ResetMethod reset) {
  {
    const base::Lock lock(starting_);
    parts_.engine.check_not_ending();
    if (!parts_.engine.in_run(domain.prefix)) prepare_prefixes({domain.prefix.value});
  }
  auto states = planning::states_for_client(domain, reset, [this](const core::Domain& of) { return clean_state(of); });
  return parts_.engine.request_domain(domain, {fresh, slots, std::move(states)});
}

std::vector<std::string> Service::host_keys(const core::Domain& domain) {
  std::vector<std::string> keys;
  std::istringstream lines(parts_.engine.host_keys(domain));
  for (std::string line; std::getline(lines, line);) keys.push_back(line);
  return keys;
}

core::Duration Service::destroy(const core::Domain& domain) { return parts_.engine.destroy_domain(domain); }

void Service::install(const std::vector<std::string>& prefixes) {
  const base::Lock lock(starting_);
  parts_.engine.check_not_ending();
  if (parts_.engine.active_run()) throw engine::Busy("a run is active");
  prepare_prefixes(prefixes);
}

void Service::uninstall(const std::vector<std::string>& prefixes) {
  const base::Lock lock(starting_);
  parts_.engine.check_not_ending();
  if (parts_.engine.active_run()) throw engine::Busy("a run is active; 'kvmtest stop' ends it");
  settings::check_prefixes(prefixes, "prefixes");
  parts_.claims.claim(planning::prefixes_of(prefixes));
  const std::set<std::string> wanted(prefixes.begin(), prefixes.end());
  for (const auto& prefix : parts_.engine.status().prefixes)
    if (wanted.contains(prefix.prefix)) destroy_domains(prefix);
  for (const core::Prefix& prefix : planning::prefixes_of(prefixes)) {
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
  nlohmann::json out{{"pid", parts_.pid},
                     {"version", KVMTEST_VERSION},
                     {"fingerprint", fingerprint_},
                     {"state_dir", parts_.settings.state_dir.string()},
                     {"uri", description.uri},
                     {"accelerator", description.accelerator},
                     {"pool", {{"slots", state.slots}, {"resetting", state.resetting}, {"queued", state.queued}}},
                     {"tests", state.tests},
                     {"decided", state.decided},
                     {"prefixes", std::move(prefixes)}};
  if (parts_.engine.ending()) out["ending"] = true;
  out["run"] = state.run ? nlohmann::json(state.run->value) : nlohmann::json(nullptr);
  return out;
}

std::string Service::metrics() {
  const auto state = parts_.engine.status();
  report::Metrics metrics = parts_.database.metrics();
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
      return parts.database.read([&](telemetry::Queries& queries) { return queries.records(run, after, batch); });
    }
    std::int64_t wait_beyond(std::int64_t after) override { return parts.recorder.wait_beyond(after, 500ms); }

    Parts& parts;
    core::RunId run;
  } source(parts_, run);
  service::follow(source, sequence, take, quiet);
}

std::optional<core::RunId> Service::latest_run() {
  return parts_.database.read([](telemetry::Queries& queries) { return queries.latest_run(); });
}

}  // namespace kvmtest::service
