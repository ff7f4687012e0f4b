#include "bench/past_runs.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include "telemetry/database.h"

namespace kvmtest::bench {
namespace {

// Workers go from 1 to 4; one half of the runs has two prefixes. Everybody's test and guests change at run 500.
constexpr const char* insert_runs = R"sql(
WITH RECURSIVE n(run) AS (SELECT 1 UNION ALL SELECT run + 1 FROM n WHERE run < ?1)
INSERT INTO runs(id, started, prefixes, workers, uri, accelerator, settings, finished, outcome, exit_status, makespan,
                 unsupported, untested, flaky)
SELECT run, strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1767225600 + run * 43200, 'unixepoch'),
       CASE run % 8 / 4 WHEN 0 THEN '["a."]' ELSE '["a.","b."]' END, 1 + run % 4, 'qemu:///embed', 'kvm', '{}',
       strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1767225600 + run * 43200 + 14400, 'unixepoch'), 'completed', 1,
       20000.0 / (1 + run % 4), 0, 0, 0 FROM n
)sql";

constexpr const char* insert_tests = R"sql(
WITH RECURSIVE n(test) AS (SELECT 0 UNION ALL SELECT test + 1 FROM n WHERE test + 1 < ?2)
INSERT INTO tests(run, ordinal, name, inputs, verdict, reason, seconds)
SELECT ?1, test, 'suite/area-' || (test % 30) || '/test-' || test, printf('%032x', test * 2 + (?1 >= 500)),
       CASE WHEN test % 100 = 7 OR (test % 97 = 3 AND ?1 % 5 = 0) THEN 'failed' ELSE 'passed' END, '',
       1 + test % 60 + (?1 * 7 + test) % 10 / 10.0 FROM n
)sql";

constexpr const char* insert_attempts = R"sql(
INSERT INTO attempts(run, test, number, prefix, started, verdict, final, waiting_seconds, reset_seconds, test_seconds,
                     judging_seconds, output)
SELECT run, ordinal, 1, 'a.', strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1767225600 + run * 43200 + 2 + ordinal * 9, 'unixepoch'), verdict, 1, 0.1, 0.2, seconds, 0.01,
       '/var/lib/kvmtest/runs/' || run || '/' || name || '/1' FROM tests WHERE run = ?1
)sql";

constexpr const char* insert_issues = R"sql(
INSERT INTO issues(attempt, ordinal, host, name, detail)
SELECT id, 0, 'east', CASE test % 2 WHEN 0 THEN 'TIMEOUT' ELSE 'output-different' END, 'line 12: expected this, got that'
FROM attempts WHERE run = ?1 AND verdict = 'failed'
)sql";

constexpr const char* insert_resets = R"sql(
INSERT INTO resets(run, time, prefix, host, method, waited, total, load, verify, ok, attempt)
SELECT run, started, 'a.', host, 'load', 0.1, 0.2, 0.1, 0.1, id % 500 <> 0, id
FROM attempts, (SELECT 'east' AS host UNION ALL SELECT 'west') WHERE run = ?1
)sql";

constexpr const char* insert_samples = R"sql(
WITH RECURSIVE n(sample) AS (SELECT 1 UNION ALL SELECT sample + 1 FROM n WHERE sample < 1800)
INSERT INTO samples(run, time, load, cpu, memory_available, daemon_rss, resetting, testing)
SELECT ?1, strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1767225600 + ?1 * 43200 + sample * 2, 'unixepoch'), 1.0 + ?1 % 4, 0.2 * (1 + ?1 % 4), 8000000000, 40000000, 1, 2 FROM n
)sql";

// What the writer adds at a run's end.
constexpr const char* add_figures = R"sql(
UPDATE runs SET (tests, passed, failed) = (SELECT count(*), sum(verdict = 'passed'), sum(verdict = 'failed') FROM tests WHERE run = id),
  unresolved = 0, boots = 0, restores = 0, timeouts = (SELECT count(*) FROM attempts a JOIN issues i ON i.attempt = a.id
    WHERE a.run = runs.id AND i.name = 'TIMEOUT'),
  (loads, failed_resets) = (SELECT sum(ok), sum(NOT ok) FROM resets WHERE run = runs.id),
  (load, cpu) = (SELECT avg(load), avg(cpu) FROM samples WHERE run = runs.id) WHERE id = ?1
)sql";

}  // namespace

void write_past_runs(const std::filesystem::path& path, const PastRuns& size) {
  telemetry::Database database(path);
  SQLite::Database& connection = database.connection();
  connection.exec("PRAGMA synchronous=OFF");
  const auto execute = [&](const char* sql, unsigned first, unsigned second) {
    SQLite::Statement statement(connection, sql);
    statement.bind(1, first);
    if (statement.getBindParameterCount() > 1) statement.bind(2, second);
    statement.exec();
  };
  {
    SQLite::Transaction transaction(connection);
    execute(insert_runs, size.runs, 0);
    transaction.commit();
  }
  for (unsigned run = 1; run <= size.runs; ++run) {
    SQLite::Transaction transaction(connection);
    for (const char* sql : {insert_tests, insert_attempts, insert_issues, insert_resets, insert_samples, add_figures})
      execute(sql, run, size.tests);
    transaction.commit();
  }
}

}  // namespace kvmtest::bench
