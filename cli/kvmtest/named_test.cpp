#include "kvmtest/named_test.h"

#include <vector>

#include <fmt/format.h>

#include "kvmtest/past_runs.h"
#include "telemetry/database.h"
#include "telemetry/history.h"
#include "telemetry/queries.h"
#include "telemetry/run_report.h"

namespace kvmtest::command {
namespace {

constexpr unsigned runs_searched = 100;

}  // namespace

NamedTest named_test(const settings::Settings& settings, const std::string& typed, long run) {
  const core::RunId wanted = chosen_run(settings, run);  // says so when there is none
  telemetry::Database database(settings.state_dir.database());
  telemetry::Queries queries(database);
  if (run > 0) {
    std::vector<std::string> names;
    for (const auto& test : queries.results(wanted)) names.push_back(test.name);
    const std::string name = chosen_test(names, typed, fmt::format("run {} has no test", run));
    return {telemetry::test_report(database, wanted, name)};
  }
  std::string name = typed;
  auto latest = queries.latest_run_of(name);
  if (!latest) {
    name = chosen_test(telemetry::History(database).names(runs_searched), typed, "no run had a test");
    latest = queries.latest_run_of(name);
  }
  return {telemetry::test_report(database, latest.value_or(wanted), name)};
}

}  // namespace kvmtest::command
