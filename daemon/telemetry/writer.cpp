#include "telemetry/writer.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <variant>

#include "telemetry/statement.h"
#include "wire/record_json.h"

namespace kvmtest::telemetry {

using namespace core::record;
using core::RunId;

namespace {

/// Whether what failed with this code may go well later: no room, no memory, somebody else at work.
bool may_pass(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_CANTOPEN:
    case SQLITE_FULL:
    case SQLITE_INTERRUPT:
    case SQLITE_IOERR:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_READONLY: return true;
    default: return false;
  }
}

std::int64_t last_given(SQLite::Database& connection, const char* table) {
  SQLite::Statement query(connection, "SELECT seq FROM sqlite_sequence WHERE name = ?");
  query.bind(1, table);
  return query.executeStep() ? query.getColumn(0).getInt64() : 0;
}

[[noreturn]] void impossible(const Record& record, const std::string& what) {
  throw NeverWritable(fmt::format("bug: run {}: {}: {}", record.run, wire::kind(record.body), what));
}

}  // namespace

/// One prepared statement for each thing written, and what each kind of record means for the derived tables.
struct Writer::Statements {
  explicit Statements(SQLite::Database& database) : connection(database) {}

  SQLite::Database& connection;

  SQLite::Statement insert_run{connection,
                               "INSERT INTO runs(started, prefixes, workers, uri, accelerator, settings, tests) "
                               "VALUES (?, ?, ?, ?, ?, ?, ?)"};
  SQLite::Statement insert_test{connection,
                                "INSERT INTO tests(run, ordinal, name, inputs) VALUES (?, ?, ?, nullif(?, ''))"};
  SQLite::Statement find_test{connection, "SELECT ordinal FROM tests WHERE name = ? AND run = ?"};
  SQLite::Statement insert_record{connection,
                                  "INSERT INTO records(sequence, run, time, kind, json) VALUES (?, ?, ?, ?, ?)"};
  SQLite::Statement start_attempt{connection,
                                  "INSERT INTO attempts(id, run, test, number, prefix, started) "
                                  "VALUES (?, ?, ?, ?, ?, ?)"};
  // An attempt may be judged without having started: its domains never came up.
  SQLite::Statement judge_attempt{
      connection,
      "INSERT INTO attempts(id, run, test, number, prefix, verdict, final, waiting_seconds, reset_seconds, "
      "test_seconds, "
      "judging_seconds, output, frozen_seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(id) DO UPDATE SET verdict = excluded.verdict, final = excluded.final, "
      "waiting_seconds = excluded.waiting_seconds, reset_seconds = excluded.reset_seconds, "
      "test_seconds = excluded.test_seconds, judging_seconds = excluded.judging_seconds, output = excluded.output, "
      "frozen_seconds = excluded.frozen_seconds "
      "WHERE verdict IS NULL AND NOT abandoned AND run = excluded.run AND test = excluded.test"};
  SQLite::Statement insert_issue{connection,
                                 "INSERT INTO issues(attempt, ordinal, host, name, detail) VALUES (?, ?, ?, ?, ?)"};
  SQLite::Statement insert_use{connection, "INSERT INTO uses(attempt, host, used, starved) VALUES (?, ?, ?, ?)"};
  SQLite::Statement add_use{connection, "UPDATE attempts SET used_seconds = ?, starved_seconds = ? WHERE id = ?"};
  SQLite::Statement decide_test{
      connection,
      "UPDATE tests SET verdict = ?1, reason = ?2, seconds = ?3, "
      "retried = (SELECT count(*) FROM attempts a WHERE a.run = ?4 AND a.test = ?5 AND a.verdict <> 'passed' "
      "AND NOT EXISTS (SELECT 1 FROM issues WHERE attempt = a.id AND name IN ('HOST-FAULT', 'STARVED'))) "
      "WHERE run = ?4 AND ordinal = ?5 AND verdict IS NULL"};
  SQLite::Statement abandon_attempts{connection, "UPDATE attempts SET abandoned = 1 WHERE run = ? AND verdict IS NULL"};
  SQLite::Statement insert_command{connection,
                                   "INSERT INTO commands(attempt, ordinal, host, command, at, took, status, bytes) "
                                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"};
  SQLite::Statement insert_point{connection,
                                 "INSERT INTO points(attempt, number, level, description, result, reason, details, "
                                 "notes) VALUES (?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, ''))"};
  SQLite::Statement insert_reset{connection,
                                 "INSERT INTO resets(run, time, prefix, host, method, attempt, waited, total, boot, "
                                 "login, save, load, verify, note, ok) "
                                 "VALUES (?, ?, ?, ?, ?, nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), 1)"};
  SQLite::Statement insert_failed_reset{
      connection,
      "INSERT INTO resets(run, time, prefix, host, method, attempt, waited, total, ok, host_fault, reason) "
      "VALUES (?, ?, ?, ?, ?, nullif(?, 0), ?, ?, 0, ?, ?)"};
  SQLite::Statement insert_incident{connection,
                                    "INSERT INTO incidents(run, time, kind, prefix, host, host_fault, reason) "
                                    "VALUES (?, ?, ?, ?, ?, ?, ?)"};
  SQLite::Statement insert_sample{
      connection,
      "INSERT INTO samples(run, time, load, cpu, memory_available, daemon_rss, resetting, testing, cpu_pressure, "
      "memory_pressure, io_pressure) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  SQLite::Statement finish_run{
      connection,
      "UPDATE runs SET finished = ?, outcome = ?, exit_status = ?, makespan = ?, passed = ?, failed = ?, "
      "unresolved = ?, untested = ?, unsupported = ?, flaky = ? WHERE id = ? AND finished IS NULL"};
  SQLite::Statement add_figures{
      connection,
      "UPDATE runs SET timeouts = (SELECT count(DISTINCT a.id) FROM attempts a JOIN issues i ON i.attempt = a.id "
      "WHERE a.run = ?1 AND i.name = 'TIMEOUT'), "
      "(boots, restores, loads, failed_resets) = (SELECT coalesce(sum(ok AND method = 'boot'), 0), "
      "coalesce(sum(ok AND method = 'restore'), 0), coalesce(sum(ok AND method IN ('load', 'swap')), 0), "
      "coalesce(sum(NOT ok), 0) FROM resets WHERE run = ?1), "
      "(load, cpu, cpu_pressure, memory_pressure, io_pressure) = (SELECT avg(load), avg(cpu), avg(cpu_pressure), "
      "avg(memory_pressure), avg(io_pressure) FROM samples WHERE run = ?1), "
      "(used, starved, frozen) = (SELECT sum(used_seconds), sum(starved_seconds), sum(frozen_seconds) FROM attempts "
      "WHERE run = ?1), starved_attempts = (SELECT count(DISTINCT a.id) FROM attempts a JOIN issues i "
      "ON i.attempt = a.id WHERE a.run = ?1 AND i.name = 'STARVED') WHERE id = ?1"};

  std::int64_t ordinal(const Record& record, const std::string& test) {
    struct Reset {
      SQLite::Statement& statement;
      ~Reset() { statement.tryReset(); }
    } reset{find_test};
    bind_all(find_test, test, record.run);
    if (!find_test.executeStep()) impossible(record, fmt::format("the run has no test {}", test));
    return find_test.getColumn(0).getInt64();
  }

  void decide(const Record& record, std::int64_t ordinal_of_test, const std::string& test, core::Verdict verdict,
              const std::string& reason, std::optional<core::Duration> took) {
    const int changed = took ? execute(decide_test, verdict, reason, *took, record.run, ordinal_of_test)
                             : execute(decide_test, verdict, reason, std::nullopt, record.run, ordinal_of_test);
    if (changed != 1) impossible(record, fmt::format("test {} has a verdict already", test));
  }

  // What a record adds to the tables besides the stream.

  // create_run wrote it; the foreign key of the stream says so.
  void on(const Record&, const RunStarted&) {}
  void on(const Record& record, const RunResumed&) { execute(abandon_attempts, RunId(record.run)); }
  // The row is written when the reset ends, with all its times.
  void on(const Record&, const ResetQueued&) {}
  void on(const Record&, const ResetStarted&) {}
  void on(const Record& record, const ResetFinished& reset) {
    execute(insert_reset, RunId(record.run), record.time, reset.domain.prefix, reset.domain.host, reset.method,
            reset.attempt, reset.waited, reset.total, reset.boot, reset.login, reset.save, reset.load, reset.verify,
            reset.note);
  }
  void on(const Record& record, const ResetFailed& reset) {
    execute(insert_failed_reset, RunId(record.run), record.time, reset.domain.prefix, reset.domain.host, reset.method,
            reset.attempt, reset.waited, reset.total, reset.host_fault, reset.reason);
  }
  void on(const Record& record, const SnapshotsGivenUp& given_up) {
    execute(insert_incident, RunId(record.run), record.time, wire::kind(record.body), given_up.domain.prefix,
            given_up.domain.host, true, given_up.reason);
  }
  void on(const Record&, const DomainDestroyed&) {}
  void on(const Record& record, const DomainLost& lost) {
    execute(insert_incident, RunId(record.run), record.time, wire::kind(record.body), lost.domain.prefix,
            lost.domain.host, lost.host_fault, lost.reason);
  }
  void on(const Record& record, const TestStarted& test) {
    execute(start_attempt, test.attempt, record.run, ordinal(record, test.test), test.number, test.prefix, record.time);
  }
  void on(const Record&, const CommandFinished& command) {
    execute(insert_command, command.attempt, command.index, command.host, command.command, command.at, command.took,
            command.status, command.output_bytes);
  }
  void on(const Record&, const PointsJudged& judged) {
    for (const core::Point& point : judged.points)
      execute(insert_point, judged.attempt, point.number, point.level, point.description, point.result, point.reason,
              point.details, point.notes);
  }
  void on(const Record& record, const AttemptJudged& judged) {
    const std::int64_t test = ordinal(record, judged.test);
    if (judged.final)
      decide(record, test, judged.test, judged.test_verdict.value_or(judged.verdict), "",
             judged.split.test - judged.frozen);
    const int changed = execute(judge_attempt, judged.attempt, record.run, test, judged.number, judged.prefix,
                                judged.verdict, judged.final, judged.split.waiting, judged.split.reset,
                                judged.split.test, judged.split.judging, judged.output, judged.frozen);
    if (changed != 1) impossible(record, fmt::format("attempt {} cannot be judged (again)", judged.attempt.value));
    unsigned index = 0;
    for (const core::Issue& issue : judged.issues) {
      execute(insert_issue, judged.attempt, index++, issue.host, issue.name, issue.detail);
    }
    if (judged.use.empty()) return;
    for (const HostUse& use : judged.use) execute(insert_use, judged.attempt, use.host, use.used, use.starved);
    const HostUse group = of_group(judged.use);
    execute(add_use, group.used, group.starved, judged.attempt);
  }
  void on(const Record& record, const TestUntested& test) {
    decide(record, ordinal(record, test.test), test.test, test.verdict, test.reason, std::nullopt);
  }
  void on(const Record& record, const PrefixQuarantined& quarantined) {
    execute(insert_incident, RunId(record.run), record.time, wire::kind(record.body), quarantined.prefix, std::nullopt,
            true, quarantined.reason);
  }
  void on(const Record&, const StopRequested&) {}
  void on(const Record&, const Notice&) {}
  void on(const Record& record, const Sample& sample) {
    execute(insert_sample, RunId(record.run), record.time, sample.load, sample.cpu, sample.memory_available,
            sample.daemon_rss, sample.resetting, sample.testing, sample.cpu_pressure, sample.memory_pressure,
            sample.io_pressure);
  }
  void on(const Record& record, const RunFinished& run) {
    const int changed =
        execute(finish_run, record.time, to_string(run.outcome), run.exit_status, run.makespan, run.passed, run.failed,
                run.unresolved, run.untested, run.unsupported, run.flaky, record.run);
    if (changed != 1) impossible(record, "the run is unknown or has ended already");
    // What is still without a verdict will never get one.
    execute(abandon_attempts, record.run);
    execute(add_figures, record.run);
  }
};

Writer::Writer(Database& database) : database_(database) {
  try {
    statements_ = std::make_unique<Statements>(database.connection());
    last_sequence_ = last_given(database.connection(), "records");
  } catch (const SQLite::Exception& failure) {
    throw database.error(failure.what());
  }
}

Writer::~Writer() = default;

core::RunId Writer::create_run(const RunStarted& run, core::WallTime started) {
  try {
    SQLite::Transaction transaction(database_.connection(), SQLite::TransactionBehavior::IMMEDIATE);
    database_.check_schema();
    execute(statements_->insert_run, started, wire::dump(run.prefixes), run.workers, run.uri, run.accelerator,
            run.settings, run.tests.size());
    const core::RunId id(database_.connection().getLastInsertRowid());
    unsigned ordinal = 0;
    for (const std::string& test : run.tests) {
      const std::string& inputs = ordinal < run.inputs.size() ? run.inputs[ordinal] : std::string();
      execute(statements_->insert_test, id, ordinal++, test, inputs);
    }
    transaction.commit();
    return id;
  } catch (const SQLite::Exception& failure) {
    throw database_.error(failure.what());
  }
}

core::AttemptId Writer::next_attempt_id() const {
  try {
    SQLite::Database& connection = database_.connection();
    // One that was stopped before its test has resets alone.
    const std::int64_t reset = connection.execAndGet("SELECT coalesce(max(attempt), 0) FROM resets").getInt64();
    return core::AttemptId(static_cast<std::uint64_t>(std::max(last_given(connection, "attempts"), reset)) + 1);
  } catch (const SQLite::Exception& failure) {
    throw database_.error(failure.what());
  }
}

void Writer::append(std::span<Record> records) {
  if (records.empty()) return;
  try {
    SQLite::Transaction transaction(database_.connection(), SQLite::TransactionBehavior::IMMEDIATE);
    database_.check_schema();
    std::int64_t sequence = last_sequence_;
    for (Record& record : records) {
      record.sequence = ++sequence;
      put(record);
    }
    transaction.commit();
    last_sequence_ = sequence;
  } catch (const SQLite::Exception& failure) {
    if (may_pass(failure.getErrorCode())) throw database_.error(failure.what());
    throw NeverWritable(database_.error(failure.what()).what());
  }
}

void Writer::put(const Record& record) {
  execute(statements_->insert_record, record.sequence, RunId(record.run), record.time, wire::kind(record.body),
          wire::dump(wire::body_to_json(record.body)));
  std::visit([&](const auto& body) { statements_->on(record, body); }, record.body);
}

}  // namespace kvmtest::telemetry
