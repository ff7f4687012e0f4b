// kvmtest history, slowest, flaky, load: what many runs say together.

#include "telemetry/history.h"

#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/input_error.h"
#include "kvmtest/command.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

using nlohmann::json;

struct HistoryOptions {
  std::string test;
  unsigned runs = 0;
  unsigned most = 20;
  unsigned least_tests = 0;
  bool json = false;
};

json to_json(const report::RunRange& runs) {
  return {{"first", runs.first.value}, {"last", runs.last.value}, {"count", runs.count}};
}

template <class Value>
json or_null(const std::optional<Value>& value) {
  return value ? json(*value) : json(nullptr);
}

json word(const std::optional<core::Verdict>& verdict) {
  return verdict ? json(core::to_string(*verdict)) : json(nullptr);
}

json to_json(const report::PastRun& run) {
  return {{"run", run.run.value},
          {"started", wire::iso8601(run.started)},
          {"workers", run.workers},
          {"prefixes", run.prefixes},
          {"tests", run.tests},
          {"outcome", run.outcome ? json(to_string(*run.outcome)) : json(nullptr)},
          {"exit_status", run.outcome ? json(run.exit_status) : json(nullptr)},
          {"makespan", run.outcome ? json(core::seconds(run.makespan)) : json(nullptr)},
          {"passed", run.counts.passed},
          {"failed", run.counts.failed},
          {"unresolved", run.counts.unresolved},
          {"untested", run.counts.untested},
          {"unsupported", run.counts.unsupported},
          {"flaky", run.counts.flaky},
          {"timeouts", run.timeouts},
          {"boots", run.boots},
          {"restores", run.restores},
          {"loads", run.loads},
          {"failed_resets", run.failed_resets},
          {"load", or_null(run.load)},
          {"cpu", or_null(run.cpu)},
          {"cpu_pressure", or_null(run.cpu_pressure)},
          {"memory_pressure", or_null(run.memory_pressure)},
          {"io_pressure", or_null(run.io_pressure)}};
}

json to_json(const report::TestHistory& history) {
  json verdicts = json::array();
  for (const auto& past : history.verdicts)
    verdicts.push_back({{"run", past.run.value},
                        {"started", wire::iso8601(past.started)},
                        {"verdict", word(past.verdict)},
                        {"retried", past.retried},
                        {"test", core::seconds(past.took)},
                        {"inputs_changed", past.inputs_changed},
                        {"issue", past.issue}});
  return {{"name", history.name},
          {"runs", to_json(history.runs)},
          {"passed", history.passed},
          {"failed", history.failed},
          {"other", history.other},
          {"compared", history.compared},
          {"changed", history.changed},
          {"retried", history.retried},
          {"median", core::seconds(history.median)},
          {"least", core::seconds(history.least)},
          {"most", core::seconds(history.most)},
          {"verdicts", std::move(verdicts)}};
}

json to_json(const report::Slowest& slowest) {
  json tests = json::array();
  for (const auto& test : slowest.tests)
    tests.push_back({{"name", test.name},
                     {"runs", test.runs},
                     {"median", core::seconds(test.median)},
                     {"least", core::seconds(test.least)},
                     {"most", core::seconds(test.most)},
                     {"earlier", core::seconds(test.earlier)},
                     {"later", core::seconds(test.later)}});
  return {{"runs", to_json(slowest.runs)}, {"tests", std::move(tests)}};
}

json to_json(const report::Flaky& flaky) {
  json tests = json::array();
  for (const auto& test : flaky.tests)
    tests.push_back({{"name", test.name},
                     {"runs", test.runs},
                     {"passed", test.passed},
                     {"compared", test.compared},
                     {"changed", test.changed},
                     {"retried", test.retried},
                     {"verdicts", test.verdicts}});
  return {{"runs", to_json(flaky.runs)}, {"tests", std::move(tests)}};
}

json to_json(const report::Load& load) {
  json rows = json::array();
  for (const auto& row : load.rows)
    rows.push_back({{"workers", row.workers},
                    {"prefixes", row.prefixes},
                    {"runs", row.runs},
                    {"makespan", core::seconds(row.makespan)},
                    {"failed", row.failed},
                    {"timeouts", row.timeouts},
                    {"failed_resets", row.failed_resets},
                    {"load", or_null(row.load)},
                    {"cpu", or_null(row.cpu)},
                    {"cpu_pressure", or_null(row.cpu_pressure)},
                    {"memory_pressure", or_null(row.memory_pressure)},
                    {"io_pressure", or_null(row.io_pressure)}});
  return {{"runs", to_json(load.runs)}, {"least_tests", load.least_tests}, {"rows", std::move(rows)}};
}

void print(const json& out) { std::cout << wire::dump(out) << '\n'; }

int history(telemetry::History& history, const HistoryOptions& options) {
  if (options.test.empty()) {
    const auto runs = history.runs(options.runs);
    if (!options.json) {
      std::cout << report::runs_text(runs, text_options());
      return 0;
    }
    json out = json::array();
    for (const auto& run : runs) out.push_back(to_json(run));
    print(out);
    return 0;
  }
  const auto test = history.test(options.test, options.runs);
  if (!test)
    throw core::InputError(
        fmt::format("no run had a test '{}'{}", options.test, core::did_you_mean(options.test, history.names(1))));
  if (options.json)
    print(to_json(*test));
  else
    std::cout << report::history_text(*test, text_options());
  return 0;
}

int slowest(telemetry::History& history, const HistoryOptions& options) {
  const auto found = history.slowest(options.runs, options.most);
  if (options.json)
    print(to_json(found));
  else
    std::cout << report::slowest_text(found, text_options());
  return 0;
}

int flaky(telemetry::History& history, const HistoryOptions& options) {
  const auto found = history.flaky(options.runs, options.most);
  if (options.json)
    print(to_json(found));
  else
    std::cout << report::flaky_text(found, text_options());
  return 0;
}

int load(telemetry::History& history, const HistoryOptions& options) {
  const auto found = history.load(options.runs, options.least_tests);
  if (options.json)
    print(to_json(found));
  else
    std::cout << report::load_text(found, text_options());
  return 0;
}

using Ask = int (*)(telemetry::History&, const HistoryOptions&);

/// A verb that asks the database of past runs.
client::Command add(client::Command& program, Context& context, const std::shared_ptr<HistoryOptions>& options,
                    const char* name, const char* what, unsigned runs, Ask ask) {
  options->runs = runs;
  client::Command verb = add_verb(program, context, name, what, [&context, options, ask] {
    const auto settings = context.common.settings();
    chosen_run(settings, 0);  // says so when there is none
    telemetry::Database database(settings.state_dir.database());
    telemetry::History history(database);
    return ask(history, *options);
  });
  verb.add_option("--runs", options->runs, "look at so many runs, the newest").within(1U, 1'000'000U).show_default();
  verb.add_flag("--json", options->json, "as JSON");
  return verb;
}

void add_most(client::Command verb, const std::shared_ptr<HistoryOptions>& options) {
  verb.add_option("--most", options->most, "list at most so many tests").show_default();
}

}  // namespace

void add_history(client::Command& program, Context& context) {
  auto options = std::make_shared<HistoryOptions>();
  add(program, context, options, "history", "list past runs, or what they say of one test", 30, history)
      .add_option("TEST", options->test, "name of a test, as 'kvmtest results' prints it");

  options = std::make_shared<HistoryOptions>();
  add_most(
      add(program, context, options, "slowest", "list the tests that take longest, and how that changes", 100, slowest),
      options);

  options = std::make_shared<HistoryOptions>();
  add_most(add(program, context, options, "flaky", "list the tests whose verdict changes while nothing else does", 100,
               flaky),
           options);

  options = std::make_shared<HistoryOptions>();
  add(program, context, options, "load", "compare runs by workers and prefixes: makespan, failures, time-outs, load",
      1000, load)
      .add_option("--least-tests", options->least_tests,
                  "leave out runs of fewer tests (default: half of what the largest has)");
}

}  // namespace kvmtest::command
