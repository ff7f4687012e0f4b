#include "kvmtest/history_verb.h"

#include <iostream>

#include "kvmtest/past_runs.h"
#include "telemetry/database.h"
#include "wire/record_json.h"

namespace kvmtest::command {

using nlohmann::json;

json range_json(const report::RunRange& runs) {
  return {{"first", runs.first.value}, {"last", runs.last.value}, {"count", runs.count}};
}

void print_json(const json& out) { std::cout << wire::dump(out) << '\n'; }

client::Command add_history_verb(client::Command& program, Context& context,
                                 const std::shared_ptr<HistoryOptions>& options, const char* name, const char* what,
                                 unsigned runs, Ask ask) {
  options->runs = runs;
  client::Command verb = add_verb(program, context, name, what, [&context, options, ask] {
    const auto settings = context.common.settings();
    chosen_run(settings, 0);  // says so when there is none
    telemetry::Database database(settings.state_dir.database());
    telemetry::History history(database);
    return ask(history, *options);
  });
  verb.add_option("--runs", options->runs, "how many of the newest runs to look at")
      .within(1U, 1'000'000U)
      .show_default();
  verb.add_flag("--json", options->json, "as JSON");
  return verb;
}

void add_most(client::Command verb, const std::shared_ptr<HistoryOptions>& options) {
  verb.add_option("--most", options->most, "list at most so many tests").show_default();
}

}  // namespace kvmtest::command
