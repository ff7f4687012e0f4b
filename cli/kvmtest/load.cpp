// kvmtest load: runs by workers and prefixes.

#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "kvmtest/history_verb.h"
#include "kvmtest/text_look.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {
namespace {

using nlohmann::json;

json to_json(const report::Load& load) {
  json rows = json::array();
  for (const auto& row : load.rows)
    rows.push_back({{"workers", row.workers},
                    {"prefixes", row.prefixes},
                    {"automatic_workers", row.automatic_workers},
                    {"automatic_prefixes", row.automatic_prefixes},
                    {"runs", row.runs},
                    {"makespan", core::seconds(row.makespan)},
                    {"failed", row.failed},
                    {"timeouts", row.timeouts},
                    {"starved_attempts", row.starved_attempts},
                    {"failed_resets", row.failed_resets},
                    {"load", or_null(row.load)},
                    {"cpu", or_null(row.cpu)},
                    {"cpu_pressure", or_null(row.cpu_pressure)},
                    {"memory_pressure", or_null(row.memory_pressure)},
                    {"io_pressure", or_null(row.io_pressure)},
                    {"starved", or_null(row.starved)}});
  return {{"runs", range_json(load.runs)}, {"least_tests", load.least_tests}, {"rows", std::move(rows)}};
}

int load(telemetry::History& history, const HistoryOptions& options) {
  const auto found = history.load(options.runs, options.least_tests);
  if (options.json)
    print_json(to_json(found));
  else
    std::cout << report::load_text(found, text_options());
  return 0;
}

}  // namespace

void add_load(client::Command& program, Context& context) {
  auto options = std::make_shared<HistoryOptions>();
  add_history_verb(program, context, options, "load",
                   "compare runs by workers and prefixes: makespan, failures, time-outs, load", 1000, load)
      .add_option("--least-tests", options->least_tests,
                  "leave out runs of fewer tests (default: half of what the largest has)");
}

}  // namespace kvmtest::command
