#include "telemetry/history.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "telemetry/reading.h"
#include "telemetry/statement.h"
#include "wire/record_json.h"

namespace kvmtest::telemetry {
namespace {

using core::Duration;
using core::RunId;
using core::Verdict;
using core::record::Outcome;
using report::PastRun;
using report::PastVerdict;
using report::RunRange;

/// The newest `count` runs.
RunRange newest(SQLite::Database& connection, unsigned count) {
  SQLite::Statement row(connection,
                        "SELECT min(id), max(id), count(*) FROM (SELECT id FROM runs ORDER BY id DESC LIMIT ?)");
  bind_all(row, count);
  row.executeStep();
  return {RunId(row.getColumn(0).getInt64()), RunId(row.getColumn(1).getInt64()), row.getColumn(2).getUInt()};
}

std::optional<Outcome> outcome(const SQLite::Column& column) {
  for (const Outcome each : {Outcome::completed, Outcome::stopped, Outcome::infrastructure})
    if (!column.isNull() && to_string(each) == column.getText()) return each;
  return std::nullopt;
}

std::optional<double> number(const SQLite::Column& column) {
  return column.isNull() ? std::nullopt : std::optional(column.getDouble());
}

std::vector<PastRun> past_runs(SQLite::Database& connection, unsigned count) {
  SQLite::Statement row(connection,
                        "SELECT id, started, workers, prefixes, tests, outcome, "
                        "passed, failed, unresolved, untested, unsupported, flaky, exit_status, makespan, timeouts, "
                        "boots, restores, loads, failed_resets, load, cpu, cpu_pressure, memory_pressure, io_pressure, "
                        "used, starved, frozen, starved_attempts, "
                        "json_extract(settings, '$.automatic_workers'), json_extract(settings, '$.automatic_prefixes') "
                        "FROM runs ORDER BY id DESC LIMIT ?");
  bind_all(row, count);
  std::vector<PastRun> runs;
  while (row.executeStep()) {
    int at = 0;
    const auto next = [&] { return row.getColumn(at++); };
    PastRun& run = runs.emplace_back();
    run.run = RunId(next().getInt64());
    run.started = wire::wall_time_from(next().getString());
    run.workers = next().getUInt();
    run.prefixes = nlohmann::json::parse(next().getString()).get<std::vector<std::string>>();
    run.tests = next().getUInt();
    run.outcome = outcome(next());
    for (unsigned* part : {&run.counts.passed, &run.counts.failed, &run.counts.unresolved, &run.counts.untested,
                           &run.counts.unsupported, &run.counts.flaky})
      *part = next().getUInt();
    run.exit_status = next().getInt();
    run.makespan = duration(next());
    for (unsigned* part : {&run.timeouts, &run.boots, &run.restores, &run.loads, &run.failed_resets})
      *part = next().getUInt();
    run.load = number(next());
    run.cpu = number(next());
    run.cpu_pressure = number(next());
    run.memory_pressure = number(next());
    run.io_pressure = number(next());
    run.used = number(next());
    run.starved = number(next());
    run.frozen = number(next());
    run.starved_attempts = next().getUInt();
    run.automatic_workers = next().getInt() != 0;
    run.automatic_prefixes = next().getInt() != 0;
  }
  return runs;
}

/// Counts how often a test changed its mind; told of its verdicts from the oldest to the newest.
class Mind {
 public:
  /// Whether the inputs are others than those of the verdict before.
  bool add(std::string_view verdict, std::string_view inputs) {
    const bool others = told_ && (inputs != inputs_);
    if (told_ && !others && !inputs.empty()) {
      ++compared;
      if (verdict != verdict_) ++changed;
    }
    verdict_ = verdict;
    inputs_ = inputs;
    told_ = true;
    return others;
  }

  unsigned compared = 0;
  unsigned changed = 0;

 private:
  bool told_ = false;
  std::string verdict_;
  std::string inputs_;
};

bool speaks(std::string_view verdict) { return verdict == "passed" || verdict == "failed"; }

/// Calls `each(row)` for every test that the runs decided, from the oldest run to the newest. Columns: name, verdict,
/// inputs, retried, seconds.
template <class Each>
void for_each_verdict(SQLite::Database& connection, const RunRange& runs, Each each) {
  SQLite::Statement row(connection,
                        "SELECT name, verdict, inputs, retried, seconds FROM tests WHERE run BETWEEN ? AND ? "
                        "AND verdict IS NOT NULL ORDER BY run, ordinal");
  bind_all(row, runs.first.value, runs.last.value);
  while (row.executeStep()) each(row);
}

std::string_view text(const SQLite::Column& column) {
  return {column.getText(), static_cast<std::size_t>(column.getBytes())};
}

/// Values by the names of tests. A name is hashed, and not copied for each row.
template <class Value>
class ByName {
 public:
  Value& operator[](std::string_view name) {
    const auto found = at_.find(name);
    if (found != at_.end()) return *found->second;
    const auto added = values_.emplace(std::string(name), Value{}).first;
    at_.emplace(added->first, &added->second);
    return added->second;
  }
  [[nodiscard]] std::map<std::string, Value>& values() { return values_; }

 private:
  std::map<std::string, Value> values_;
  std::unordered_map<std::string_view, Value*> at_;  ///< keys and values live in values_
};

void add_verdicts(SQLite::Database& connection, report::TestHistory& history, unsigned runs) {
  SQLite::Statement row(
      connection,
      "SELECT t.run, r.started, t.verdict, t.retried, t.seconds, t.inputs, "
      "(SELECT CASE i.host WHEN '' THEN '' ELSE i.host || ': ' END || i.name || "
      "CASE i.detail WHEN '' THEN '' ELSE ': ' || i.detail END FROM attempts a JOIN issues i ON i.attempt = a.id "
      "WHERE a.run = t.run AND a.test = t.ordinal ORDER BY a.number DESC, i.ordinal LIMIT 1) "
      "FROM (SELECT run, ordinal, verdict, retried, seconds, inputs FROM tests WHERE name = ? ORDER BY run DESC LIMIT "
      "?) "
      "t JOIN runs r ON r.id = t.run ORDER BY t.run");
  bind_all(row, history.name, runs);
  Mind mind;
  std::vector<Duration> times;
  std::string before;
  while (row.executeStep()) {
    PastVerdict past{.run = RunId(row.getColumn(0).getInt64()),
                     .started = wire::wall_time_from(row.getColumn(1).getString()),
                     .verdict = verdict(row.getColumn(2)),
                     .retried = row.getColumn(3).getUInt(),
                     .took = duration(row.getColumn(4)),
                     .inputs_changed = false,
                     .issue = row.getColumn(6).getString()};
    const std::string inputs = row.getColumn(5).getString();
    past.inputs_changed = !history.verdicts.empty() && inputs != before;
    before = inputs;
    if (past.verdict == Verdict::passed || past.verdict == Verdict::failed) {
      mind.add(to_string(*past.verdict), inputs);
      times.push_back(past.took);
      ++(past.verdict == Verdict::passed ? history.passed : history.failed);
      if (past.verdict == Verdict::passed && past.retried > 0) ++history.retried;
    } else if (past.verdict) {
      ++history.other;
    }
    history.verdicts.push_back(std::move(past));
  }
  history.compared = mind.compared;
  history.changed = mind.changed;
  if (!times.empty()) {
    const auto [least, most] = std::minmax_element(times.begin(), times.end());
    history.least = *least;
    history.most = *most;
    history.median = median(std::move(times));
  }
  if (history.verdicts.empty()) return;
  history.runs = {history.verdicts.front().run, history.verdicts.back().run,
                  static_cast<unsigned>(history.verdicts.size())};
  std::reverse(history.verdicts.begin(), history.verdicts.end());
}

report::SlowTest slow_test(std::string name, const std::vector<Duration>& times) {
  const auto [least, most] = std::minmax_element(times.begin(), times.end());
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  return {.name = std::move(name),
          .runs = static_cast<unsigned>(times.size()),
          .median = median(times),
          .least = *least,
          .most = *most,
          .earlier = median(std::vector(times.begin(), middle)),
          .later = median(std::vector(middle, times.end()))};
}

std::optional<double> mean(const std::vector<const PastRun*>& runs, std::optional<double> PastRun::*of) {
  double sum = 0;
  unsigned count = 0;
  for (const PastRun* run : runs)
    if (run->*of) sum += *(run->*of), ++count;
  return count == 0 ? std::nullopt : std::optional(sum / count);
}

report::LoadRow load_row(const std::vector<const PastRun*>& runs) {
  report::LoadRow row{.workers = runs.front()->workers,
                      .prefixes = static_cast<unsigned>(runs.front()->prefixes.size()),
                      .runs = static_cast<unsigned>(runs.size()),
                      .automatic_workers = runs.front()->automatic_workers,
                      .automatic_prefixes = runs.front()->automatic_prefixes,
                      .load = mean(runs, &PastRun::load),
                      .cpu = mean(runs, &PastRun::cpu),
                      .cpu_pressure = mean(runs, &PastRun::cpu_pressure),
                      .memory_pressure = mean(runs, &PastRun::memory_pressure),
                      .io_pressure = mean(runs, &PastRun::io_pressure)};
  std::vector<Duration> makespans;
  double starved = 0;
  unsigned measured = 0;
  for (const PastRun* run : runs) {
    makespans.push_back(run->makespan);
    if (run->starved && run->tests > 0) starved += *run->starved / run->tests, ++measured;
    const auto share = [&](unsigned part, unsigned all) { return all == 0 ? 0 : 100.0 * part / all / row.runs; };
    row.failed += share(run->counts.failed + run->counts.unresolved, run->tests);
    row.timeouts += share(run->timeouts, run->tests);
    row.starved_attempts += share(run->starved_attempts, run->tests);
    row.failed_resets += share(run->failed_resets, run->boots + run->restores + run->loads + run->failed_resets);
  }
  if (measured > 0) row.starved = starved / measured;
  row.makespan = median(std::move(makespans));
  return row;
}

}  // namespace

std::vector<PastRun> History::runs(unsigned runs) {
  return reading(database_, [&](SQLite::Database& connection) { return past_runs(connection, runs); });
}

std::optional<report::TestHistory> History::test(const std::string& name, unsigned runs) {
  return reading(database_, [&](SQLite::Database& connection) -> std::optional<report::TestHistory> {
    report::TestHistory history;
    history.name = name;
    add_verdicts(connection, history, runs);
    if (history.verdicts.empty()) return std::nullopt;
    return history;
  });
}

report::Slowest History::slowest(unsigned runs, std::size_t most) {
  return reading(database_, [&](SQLite::Database& connection) {
    report::Slowest slowest{.runs = newest(connection, runs), .tests = {}};
    ByName<std::vector<Duration>> times;
    for_each_verdict(connection, slowest.runs, [&](SQLite::Statement& row) {
      if (!speaks(text(row.getColumn(1))) || row.getColumn(4).isNull()) return;
      times[text(row.getColumn(0))].push_back(duration(row.getColumn(4)));
    });
    for (auto& [name, taken] : times.values()) slowest.tests.push_back(slow_test(name, taken));
    std::stable_sort(slowest.tests.begin(), slowest.tests.end(),
                     [](const auto& a, const auto& b) { return a.median > b.median; });
    slowest.tests.resize(std::min(slowest.tests.size(), most));
    return slowest;
  });
}

report::Flaky History::flaky(unsigned runs, std::size_t most) {
  return reading(database_, [&](SQLite::Database& connection) {
    report::Flaky flaky{.runs = newest(connection, runs), .tests = {}};
    struct Seen {
      report::FlakyTest test;
      Mind mind;
    };
    ByName<Seen> tests;
    for_each_verdict(connection, flaky.runs, [&](SQLite::Statement& row) {
      Seen& seen = tests[text(row.getColumn(0))];
      const std::string_view verdict = text(row.getColumn(1));
      const bool passed = verdict == "passed";
      seen.test.verdicts += passed ? '.' : verdict == "failed" ? 'F' : '?';
      if (!speaks(verdict)) return;
      ++seen.test.runs;
      if (passed) ++seen.test.passed;
      if (passed && row.getColumn(3).getInt() > 0) ++seen.test.retried;
      seen.mind.add(verdict, text(row.getColumn(2)));
    });
    for (auto& [name, seen] : tests.values()) {
      if (seen.mind.changed + seen.test.retried == 0) continue;
      seen.test.name = name;
      seen.test.compared = seen.mind.compared;
      seen.test.changed = seen.mind.changed;
      flaky.tests.push_back(std::move(seen.test));
    }
    std::stable_sort(flaky.tests.begin(), flaky.tests.end(),
                     [](const auto& a, const auto& b) { return a.changed + a.retried > b.changed + b.retried; });
    flaky.tests.resize(std::min(flaky.tests.size(), most));
    return flaky;
  });
}

report::Load History::load(unsigned runs, unsigned least_tests) {
  return reading(database_, [&](SQLite::Database& connection) {
    report::Load load{.runs = newest(connection, runs), .least_tests = least_tests, .rows = {}};
    std::vector<PastRun> past = past_runs(connection, runs);
    std::erase_if(past, [](const PastRun& run) { return run.outcome != Outcome::completed || run.tests == 0; });
    if (load.least_tests == 0)
      for (const PastRun& run : past) load.least_tests = std::max(load.least_tests, (run.tests + 1) / 2);
    // What the load decides comes after all numbers.
    std::map<std::tuple<bool, unsigned, bool, std::size_t>, std::vector<const PastRun*>> groups;
    for (const PastRun& run : past) {
      if (run.tests < load.least_tests) continue;
      groups[{run.automatic_workers, run.automatic_workers ? 0 : run.workers, run.automatic_prefixes,
              run.automatic_prefixes ? 0 : run.prefixes.size()}]
          .push_back(&run);
    }
    for (const auto& [key, group] : groups) load.rows.push_back(load_row(group));
    return load;
  });
}

std::vector<std::string> History::names(unsigned runs) {
  return reading(database_, [&](SQLite::Database& connection) {
    const RunRange range = newest(connection, runs);
    SQLite::Statement row(connection, "SELECT DISTINCT name FROM tests WHERE run BETWEEN ? AND ? ORDER BY name");
    bind_all(row, range.first.value, range.last.value);
    std::vector<std::string> names;
    while (row.executeStep()) names.push_back(row.getColumn(0).getString());
    return names;
  });
}

}  // namespace kvmtest::telemetry
