// kvmtest history: past runs, or what they say of one test.

#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/input_error.h"
#include "kvmtest/history_verb.h"
#include "kvmtest/text_look.h"
#include "kvmtest/verbs.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

using nlohmann::json;

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
          {"io_pressure", or_null(run.io_pressure)},
          {"used", or_null(run.used)},
          {"starved", or_null(run.starved)},
          {"starved_attempts", run.starved_attempts},
          {"frozen", or_null(run.frozen)}};
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
          {"runs", range_json(history.runs)},
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

int history(telemetry::History& history, const HistoryOptions& options) {
  if (options.test.empty()) {
    const auto runs = history.runs(options.runs);
    if (!options.json) {
      std::cout << report::runs_text(runs, text_options());
      return 0;
    }
    json out = json::array();
    for (const auto& run : runs) out.push_back(to_json(run));
    print_json(out);
    return 0;
  }
  const auto test = history.test(options.test, options.runs);
  if (!test)
    throw core::InputError(
        fmt::format("no run had a test '{}'{}", options.test, core::did_you_mean(options.test, history.names(1))));
  if (options.json)
    print_json(to_json(*test));
  else
    std::cout << report::history_text(*test, text_options());
  return 0;
}

}  // namespace

void add_history(client::Command& program, Context& context) {
  auto options = std::make_shared<HistoryOptions>();
  add_history_verb(program, context, options, "history", "list past runs, or what they say of one test", 30, history)
      .add_option("TEST", options->test, "name of a test, as 'kvmtest results' prints it");
}

}  // namespace kvmtest::command
