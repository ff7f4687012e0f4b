#include "telemetry/run_report.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <algorithm>

#include <string>
#include <vector>

#include "telemetry/history.h"
#include "telemetry/queries.h"
#include "telemetry/reading.h"
#include "telemetry/statement.h"
#include "wire/record_json.h"

namespace kvmtest::telemetry {
namespace {

core::AttemptId attempt_id(const SQLite::Column& column) {
  return core::AttemptId(static_cast<std::uint64_t>(column.getInt64()));
}

void add_resets(SQLite::Database& connection, report::RunReport& out) {
  SQLite::Statement row(connection,
                        "SELECT time, prefix, host, method, waited, total, ok, coalesce(reason, ''), "
                        "coalesce(attempt, 0) FROM resets WHERE run = ? ORDER BY rowid");
  bind_all(row, out.summary.run);
  while (row.executeStep()) {
    report::ResetSpan& reset = out.resets.emplace_back();
    reset.total = duration(row.getColumn(5));
    reset.begin = wire::wall_time_from(row.getColumn(0).getString()) - reset.total;
    reset.domain = {core::Prefix(row.getColumn(1).getString()), core::Host(row.getColumn(2).getString())};
    reset.method = row.getColumn(3).getString();
    reset.waited = duration(row.getColumn(4));
    reset.ok = row.getColumn(6).getInt() != 0;
    reset.reason = row.getColumn(7).getString();
    reset.attempt = attempt_id(row.getColumn(8));
  }
}

/// ?1 is the run and ?2 the test; one without a name stands for all.
constexpr const char* of_test =
    "WHERE a.run = ?1 AND (?2 = '' OR a.test = (SELECT ordinal FROM tests WHERE run = ?1 AND name = ?2))";

void add_commands(SQLite::Database& connection, report::RunReport& out, const std::string& test) {
  SQLite::Statement row(connection,
                        fmt::format("SELECT c.attempt, c.host, c.command, c.at, c.took, c.status FROM attempts a "
                                    "JOIN commands c ON c.attempt = a.id {} ORDER BY c.attempt, c.at, c.ordinal",
                                    of_test));
  bind_all(row, out.summary.run, test);
  while (row.executeStep())
    out.commands[attempt_id(row.getColumn(0))].push_back({row.getColumn(1).getString(), row.getColumn(2).getString(),
                                                          duration(row.getColumn(3)), duration(row.getColumn(4)),
                                                          row.getColumn(5).getInt()});
}

void add_points(SQLite::Database& connection, report::RunReport& out, const std::string& test) {
  SQLite::Statement row(connection,
                        fmt::format("SELECT p.attempt, p.number, p.description, p.result, coalesce(p.reason, ''), "
                                    "p.level, coalesce(p.details, ''), coalesce(p.notes, '') FROM attempts a JOIN "
                                    "points p ON p.attempt = a.id {} ORDER BY p.attempt, p.rowid",
                                    of_test));
  bind_all(row, out.summary.run, test);
  while (row.executeStep())
    out.points[attempt_id(row.getColumn(0))].push_back(
        {static_cast<unsigned>(row.getColumn(1).getInt64()), row.getColumn(2).getString(), row.getColumn(3).getString(),
         row.getColumn(4).getString(), static_cast<unsigned>(row.getColumn(5).getInt64()), row.getColumn(6).getString(),
         row.getColumn(7).getString()});
}

void add_samples(SQLite::Database& connection, report::RunReport& out) {
  SQLite::Statement row(connection,
                        fmt::format("SELECT time, {} FROM samples WHERE run = ? ORDER BY rowid", sample_columns));
  bind_all(row, out.summary.run);
  while (row.executeStep()) out.samples.push_back({wire::wall_time_from(row.getColumn(0).getString()), sample(row, 1)});
}

}  // namespace

report::RunReport run_report(Database& database, core::RunId run) {
  report::RunReport out{.summary = Queries(database).run_summary(run)};
  reading(database, [&](SQLite::Database& connection) {
    add_resets(connection, out);
    add_commands(connection, out, "");
    add_points(connection, out, "");
    add_samples(connection, out);
  });
  constexpr unsigned runs = 1000;
  const auto tests = static_cast<unsigned>(out.summary.tests.size());
  out.load = History(database).load(runs, std::max(1U, tests - tests / 4));
  return out;
}

report::RunReport test_report(Database& database, core::RunId run, const std::string& test) {
  report::RunReport out{.summary = Queries(database).run_summary(run)};
  std::erase_if(out.summary.tests, [&](const report::TestResult& other) { return other.name != test; });
  if (out.summary.tests.empty()) throw database.error(fmt::format("run {} has no test {}", run.value, test));
  reading(database, [&](SQLite::Database& connection) {
    add_commands(connection, out, test);
    add_points(connection, out, test);
  });
  return out;
}

}  // namespace kvmtest::telemetry
