#include "telemetry/metrics.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include "telemetry/history.h"
#include "telemetry/reading.h"
#include "telemetry/statement.h"
#include "wire/record_json.h"

namespace kvmtest::telemetry {
namespace {

report::Totals totals(SQLite::Database& connection) {
  SQLite::Statement row(connection,
                        "SELECT sum(outcome = 'completed'), sum(outcome = 'stopped'), sum(outcome = 'infrastructure'), "
                        "sum(passed), sum(failed), sum(unresolved), sum(untested), sum(unsupported), sum(flaky), "
                        "sum(timeouts), sum(boots), sum(restores), sum(loads), sum(failed_resets), sum(makespan), "
                        "sum(starved_attempts), sum(used), sum(starved), sum(frozen) "
                        "FROM runs WHERE finished IS NOT NULL");
  row.executeStep();
  report::Totals out;
  int at = 0;
  for (std::uint64_t* sum :
       {&out.completed, &out.stopped, &out.infrastructure, &out.passed, &out.failed, &out.unresolved, &out.untested,
        &out.unsupported, &out.flaky, &out.timeouts, &out.boots, &out.restores, &out.loads, &out.failed_resets})
    *sum = static_cast<std::uint64_t>(row.getColumn(at++).getInt64());
  out.makespan = duration(row.getColumn(at++));
  out.starved_attempts = static_cast<std::uint64_t>(row.getColumn(at++).getInt64());
  out.used = duration(row.getColumn(at++));
  out.starved = duration(row.getColumn(at++));
  out.frozen = duration(row.getColumn(at));
  return out;
}

void add_sample(SQLite::Database& connection, report::Metrics& out) {
  SQLite::Statement row(connection,
                        fmt::format("SELECT time, {} FROM samples ORDER BY rowid DESC LIMIT 1", sample_columns));
  if (!row.executeStep()) return;
  out.sampled = wire::wall_time_from(row.getColumn(0).getString());
  out.sample = sample(row, 1);
}

}  // namespace

report::Metrics metrics(Database& database) {
  report::Metrics out = reading(database, [](SQLite::Database& connection) {
    report::Metrics read{.totals = totals(connection)};
    add_sample(connection, read);
    return read;
  });
  // One may be under way; any before it has ended or never will.
  for (const report::PastRun& run : History(database).runs(20))
    if (run.outcome && !out.last) out.last = run;
  return out;
}

}  // namespace kvmtest::telemetry
