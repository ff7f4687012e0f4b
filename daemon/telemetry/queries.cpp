#include "telemetry/queries.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "telemetry/reading.h"
#include "telemetry/statement.h"
#include "wire/record_json.h"

namespace kvmtest::telemetry {
namespace {

using core::Duration;
using core::RunId;
using core::record::Outcome;
using core::record::Record;
using report::Attempt;
using report::TestResult;

// The kind of the last record of a run that says whether it is to go on.
const std::string last_wish =
    "(SELECT kind FROM records WHERE run = runs.id AND kind IN ('stop-requested', 'run-resumed') "
    "ORDER BY sequence DESC LIMIT 1)";

std::optional<RunId> run_of(SQLite::Database& connection, const std::string& query) {
  SQLite::Statement statement(connection, query);
  if (!statement.executeStep() || statement.getColumn(0).isNull()) return std::nullopt;
  return RunId(statement.getColumn(0).getInt64());
}

Attempt attempt_of(SQLite::Statement& row) {
  Attempt attempt;
  attempt.id = core::AttemptId(static_cast<std::uint64_t>(row.getColumn(1).getInt64()));
  attempt.number = row.getColumn(2).getUInt();
  attempt.prefix = core::Prefix(row.getColumn(3).getString());
  if (!row.getColumn(4).isNull()) attempt.started = wire::wall_time_from(row.getColumn(4).getString());
  attempt.verdict = verdict(row.getColumn(5));
  attempt.final = row.getColumn(6).getInt() != 0;
  attempt.abandoned = row.getColumn(7).getInt() != 0;
  attempt.split = {.waiting = duration(row.getColumn(8)),
                   .reset = duration(row.getColumn(9)),
                   .test = duration(row.getColumn(10)),
                   .judging = duration(row.getColumn(11))};
  attempt.output = row.getColumn(12).getString();
  attempt.frozen = duration(row.getColumn(17));
  attempt.resets = {.boots = row.getColumn(13).getUInt(),
                    .restores = row.getColumn(14).getUInt(),
                    .loads = row.getColumn(15).getUInt(),
                    .fallbacks = row.getColumn(16).getUInt()};
  return attempt;
}

bool is_flaky(const TestResult& test) {
  return test.verdict == core::Verdict::passed &&
         std::any_of(test.attempts.begin(), test.attempts.end(), [](const Attempt& attempt) {
           return attempt.verdict && attempt.verdict != core::Verdict::passed &&
                  !has_issue(attempt, core::issue::starved);
         });
}

std::vector<TestResult> tests_of(SQLite::Database& connection, RunId run) {
  std::vector<TestResult> tests;
  SQLite::Statement test(connection, "SELECT name, verdict, reason FROM tests WHERE run = ? ORDER BY ordinal");
  bind_all(test, run);
  while (test.executeStep()) {
    TestResult& result = tests.emplace_back();
    result.name = test.getColumn(0).getString();
    result.verdict = verdict(test.getColumn(1));
    result.reason = test.getColumn(2).getString();
  }

  std::map<std::int64_t, std::vector<core::Issue>> issues;
  SQLite::Statement issue(
      connection,
      "SELECT i.attempt, i.host, i.name, i.detail FROM attempts a JOIN issues i ON i.attempt = a.id "
      "WHERE a.run = ? ORDER BY i.attempt, i.ordinal");
  bind_all(issue, run);
  while (issue.executeStep()) {
    issues[issue.getColumn(0).getInt64()].push_back(
        {issue.getColumn(1).getString(), issue.getColumn(2).getString(), issue.getColumn(3).getString()});
  }

  std::map<std::int64_t, std::vector<core::record::HostUse>> uses;
  SQLite::Statement use(connection,
                        "SELECT u.attempt, u.host, u.used, u.starved FROM attempts a JOIN uses u ON u.attempt = a.id "
                        "WHERE a.run = ? ORDER BY u.attempt, u.host");
  bind_all(use, run);
  while (use.executeStep()) {
    uses[use.getColumn(0).getInt64()].push_back(
        {use.getColumn(1).getString(), duration(use.getColumn(2)), duration(use.getColumn(3))});
  }

  SQLite::Statement row(connection,
                        "SELECT test, id, number, prefix, started, verdict, final, abandoned, waiting_seconds, "
                        "reset_seconds, test_seconds, judging_seconds, output, boots, restores, loads, fallbacks, "
                        "coalesce(frozen_seconds, 0) "
                        "FROM attempts LEFT JOIN (SELECT attempt, sum(ok AND method = 'boot') AS boots, "
                        "sum(ok AND method = 'restore') AS restores, sum(ok AND method IN ('load', 'swap')) AS loads, "
                        "sum(NOT ok AND method <> 'boot') AS fallbacks FROM resets WHERE run = ?1 GROUP BY attempt) "
                        "ON attempt = id WHERE run = ?1 ORDER BY test, number");
  bind_all(row, run);
  while (row.executeStep()) {
    Attempt attempt = attempt_of(row);
    attempt.issues = std::move(issues[row.getColumn(1).getInt64()]);
    attempt.use = std::move(uses[row.getColumn(1).getInt64()]);
    tests.at(row.getColumn(0).getUInt()).attempts.push_back(std::move(attempt));
  }
  for (TestResult& result : tests) result.flaky = is_flaky(result);
  return tests;
}

std::vector<std::string> strings_of(const std::string& json) {
  return nlohmann::json::parse(json).get<std::vector<std::string>>();
}

/// A row of runs, as far as a run was created with it.
struct CreatedRun {
  core::WallTime started;
  core::record::RunStarted created;  ///< without its tests
};

CreatedRun created_run(SQLite::Database& connection, RunId run) {
  SQLite::Statement row(connection,
                        "SELECT started, prefixes, workers, uri, accelerator, settings FROM runs WHERE id = ?");
  bind_all(row, run);
  if (!row.executeStep()) throw std::runtime_error(fmt::format("there is no run {}", run.value));
  return {.started = wire::wall_time_from(row.getColumn(0).getString()),
          .created = {.prefixes = strings_of(row.getColumn(1).getString()),
                      .workers = row.getColumn(2).getUInt(),
                      .tests = {},
                      .uri = row.getColumn(3).getString(),
                      .accelerator = row.getColumn(4).getString(),
                      .settings = row.getColumn(5).getString()}};
}

void add_end(SQLite::Database& connection, report::RunSummary& summary) {
  SQLite::Statement end(connection, "SELECT outcome, exit_status, makespan FROM runs WHERE id = ?");
  bind_all(end, summary.run);
  if (end.executeStep() && !end.getColumn(0).isNull()) {
    for (const Outcome outcome : {Outcome::completed, Outcome::stopped, Outcome::infrastructure}) {
      if (end.getColumn(0).getString() == to_string(outcome)) summary.outcome = outcome;
    }
    summary.exit_status = end.getColumn(1).getInt();
    summary.makespan = duration(end.getColumn(2));
    return;
  }
  SQLite::Statement last(connection, "SELECT time FROM records WHERE run = ? ORDER BY sequence DESC LIMIT 1");
  bind_all(last, summary.run);
  if (last.executeStep()) summary.makespan = wire::wall_time_from(last.getColumn(0).getString()) - summary.started;
}

void add_resets(SQLite::Database& connection, report::RunSummary& summary) {
  SQLite::Statement note(connection,
                         "SELECT prefix || host, note, count(*) FROM resets WHERE run = ? AND note <> '' "
                         "GROUP BY 1, 2 ORDER BY min(rowid)");
  bind_all(note, summary.run);
  while (note.executeStep())
    summary.not_saved.push_back({note.getColumn(0).getString(), note.getColumn(1).getString(),
                                 static_cast<unsigned>(note.getColumn(2).getInt())});
  SQLite::Statement reset(connection, "SELECT ok, host_fault, total, method FROM resets WHERE run = ?");
  bind_all(reset, summary.run);
  std::map<std::string, std::vector<Duration>> totals;
  while (reset.executeStep()) {
    const Duration total = duration(reset.getColumn(2));
    const std::string method = reset.getColumn(3).getString();
    if (method == "boot") summary.resets.total += total;
    if (reset.getColumn(0).getInt() != 0) {
      totals[method].push_back(total);
      continue;
    }
    if (method == "swap") continue;  // a spare's failure: its domain went back in another way
    ++summary.resets.failed;
    if (method != "boot") {
      ++summary.resets.fallbacks;
    } else if (reset.getColumn(1).getInt() != 0) {
      ++summary.host_faults.resets;
    }
  }
  const auto kind = [&](const char* method) {
    auto& of_it = totals[method];
    const auto count = static_cast<unsigned>(of_it.size());
    return report::Resets::Kind{count, median(std::move(of_it))};
  };
  summary.resets.boots = kind("boot");
  summary.resets.restores = kind("restore");
  summary.resets.loads = kind("load");
  summary.resets.swaps = kind("swap");
}

void add_incidents(SQLite::Database& connection, report::RunSummary& summary) {
  SQLite::Statement row(connection,
                        "SELECT kind, prefix, host_fault, reason, host FROM incidents WHERE run = ? ORDER BY rowid");
  bind_all(row, summary.run);
  while (row.executeStep()) {
    if (row.getColumn(0).getString() == "prefix-quarantined") {
      summary.quarantined.push_back({core::Prefix(row.getColumn(1).getString()), row.getColumn(3).getString()});
    } else if (row.getColumn(0).getString() == "snapshots-given-up") {
      summary.snapshots_given_up.push_back(
          {row.getColumn(1).getString() + row.getColumn(4).getString(), row.getColumn(3).getString()});
    } else if (row.getColumn(2).getInt() != 0) {
      ++summary.host_faults.domains;
    }
  }
  for (const TestResult& test : summary.tests) {
    for (const Attempt& attempt : test.attempts) {
      if (has_issue(attempt, core::issue::host_fault)) ++summary.host_faults.attempts;
      if (has_issue(attempt, core::issue::starved)) ++summary.host_faults.starved;
    }
  }
}

}  // namespace

std::vector<Record> Queries::records(RunId run, std::int64_t after_sequence, std::size_t limit) {
  return reading(database_, [&](SQLite::Database& connection) {
    SQLite::Statement row(connection,
                          "SELECT sequence, time, kind, json FROM records WHERE run IS ? AND sequence > ? "
                          "ORDER BY sequence LIMIT ?");
    bind_all(row, run, after_sequence, limit);
    std::vector<Record> records;
    while (row.executeStep()) {
      records.push_back(
          {.run = run.value,
           .sequence = row.getColumn(0).getInt64(),
           .time = wire::wall_time_from(row.getColumn(1).getString()),
           .body = wire::body_from(row.getColumn(2).getString(), nlohmann::json::parse(row.getColumn(3).getString()))});
    }
    return records;
  });
}

bool Queries::has_run(RunId run) {
  return reading(database_, [&](SQLite::Database& connection) {
    SQLite::Statement row(connection, "SELECT 1 FROM runs WHERE id = ?");
    bind_all(row, run.value);
    return row.executeStep();
  });
}

std::optional<RunId> Queries::latest_run() {
  return reading(database_, [](auto& connection) { return run_of(connection, "SELECT max(id) FROM runs"); });
}

std::optional<RunId> Queries::latest_run_of(const std::string& test) {
  return reading(database_, [&](SQLite::Database& connection) -> std::optional<RunId> {
    SQLite::Statement row(connection, "SELECT run FROM tests WHERE name = ? ORDER BY run DESC LIMIT 1");
    bind_all(row, test);
    if (!row.executeStep()) return std::nullopt;
    return RunId(row.getColumn(0).getInt64());
  });
}

std::optional<RunId> Queries::unfinished_run() {
  return reading(database_, [](auto& connection) {
    return run_of(connection, "SELECT id FROM runs WHERE finished IS NULL AND coalesce(" + last_wish +
                                  ", '') <> 'stop-requested' ORDER BY id DESC LIMIT 1");
  });
}

std::vector<RunId> Queries::stopped_runs() {
  return reading(database_, [](SQLite::Database& connection) {
    std::vector<RunId> runs;
    SQLite::Statement row(
        connection, "SELECT id FROM runs WHERE finished IS NULL AND " + last_wish + " = 'stop-requested' ORDER BY id");
    while (row.executeStep()) runs.emplace_back(row.getColumn(0).getInt64());
    return runs;
  });
}

Resume Queries::resume_state(RunId run) {
  return reading(database_, [&](SQLite::Database& connection) {
    CreatedRun row = created_run(connection, run);
    Resume resume{.run = run,
                  .started = row.started,
                  .created = std::move(row.created),
                  .tests = tests_of(connection, run),
                  .counts = {},
                  .unjudged = {}};
    for (const TestResult& test : resume.tests) {
      resume.created.tests.push_back(test.name);
      for (const Attempt& attempt : test.attempts) {
        if (!attempt.verdict && !attempt.abandoned) resume.unjudged.push_back(attempt.id);
      }
    }
    resume.counts = report::count(resume.tests);
    return resume;
  });
}

report::RunSummary Queries::run_summary(RunId run) {
  return reading(database_, [&](SQLite::Database& connection) {
    const CreatedRun row = created_run(connection, run);
    report::RunSummary summary;
    summary.run = run;
    summary.started = row.started;
    summary.prefixes = row.created.prefixes;
    summary.workers = row.created.workers;
    summary.uri = row.created.uri;
    summary.accelerator = row.created.accelerator;
    summary.settings = row.created.settings;
    summary.tests = tests_of(connection, run);
    add_end(connection, summary);
    add_resets(connection, summary);
    add_incidents(connection, summary);
    return summary;
  });
}

std::vector<TestResult> Queries::results(RunId run) {
  return reading(database_, [&](SQLite::Database& connection) {
    created_run(connection, run);
    return tests_of(connection, run);
  });
}

std::vector<report::ResetTime> Queries::reset_times(RunId run) {
  return reading(database_, [&](SQLite::Database& connection) {
    SQLite::Statement row(connection,
                          "SELECT host, method, count(*), avg(total) FROM resets WHERE run = ? AND ok "
                          "GROUP BY host, method");
    bind_all(row, run.value);
    std::vector<report::ResetTime> times;
    while (row.executeStep())
      times.push_back({core::Host(row.getColumn(0).getString()), row.getColumn(1).getString(),
                       row.getColumn(2).getUInt(), duration(row.getColumn(3))});
    return times;
  });
}

std::map<std::string, core::Verdict> Queries::last_verdicts() {
  return reading(database_, [&](SQLite::Database& connection) {
    // With max(), SQLite takes the other columns from the row that has it.
    SQLite::Statement row(connection,
                          "SELECT name, verdict, max(run) FROM tests WHERE verdict IS NOT NULL GROUP BY name");
    std::map<std::string, core::Verdict> verdicts;
    while (row.executeStep()) {
      const std::string word = row.getColumn(1);
      if (const auto verdict = core::verdict_from(word)) verdicts[row.getColumn(0)] = *verdict;
    }
    return verdicts;
  });
}

std::map<std::string, Duration> Queries::past_durations(std::span<const std::string> tests) {
  return reading(database_, [&](SQLite::Database& connection) {
    // CROSS: from the name's runs, newest first, to their attempts, so that 9 rows are read and not all of history.
    SQLite::Statement row(connection,
                          "SELECT a.test_seconds - coalesce(a.frozen_seconds, 0) FROM tests t CROSS JOIN attempts a ON "
                          "a.run = t.run AND a.test = t.ordinal "
                          "WHERE t.name = ? AND a.verdict IN ('passed', 'failed') "
                          "ORDER BY t.run DESC, a.number DESC LIMIT 9");
    std::map<std::string, Duration> durations;
    for (const std::string& test : tests) {
      std::vector<Duration> taken;
      row.reset();
      bind_all(row, test);
      while (row.executeStep()) taken.push_back(duration(row.getColumn(0)));
      if (!taken.empty()) durations[test] = median(std::move(taken));
    }
    return durations;
  });
}

std::optional<Duration> Queries::past_overhead() {
  return reading(database_, [&](SQLite::Database& connection) -> std::optional<Duration> {
    SQLite::Statement row(connection,
                          "SELECT waiting_seconds + reset_seconds FROM attempts WHERE verdict IN ('passed', 'failed') "
                          "ORDER BY id DESC LIMIT 50");
    std::vector<Duration> taken;
    while (row.executeStep()) taken.push_back(duration(row.getColumn(0)));
    if (taken.empty()) return std::nullopt;
    return median(std::move(taken));
  });
}

std::map<std::string, bool> Queries::last_passed(std::span<const std::string> tests) {
  return reading(database_, [&](SQLite::Database& connection) {
    SQLite::Statement row(connection,
                          "SELECT verdict IN ('passed', 'unsupported') FROM tests WHERE name = ? AND verdict <> "
                          "'untested' ORDER BY run DESC LIMIT 1");
    std::map<std::string, bool> passed;
    for (const std::string& test : tests) {
      row.reset();
      bind_all(row, test);
      if (row.executeStep()) passed[test] = row.getColumn(0).getInt() != 0;
    }
    return passed;
  });
}

}  // namespace kvmtest::telemetry
