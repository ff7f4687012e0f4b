#include "report/history.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "report/text.h"

namespace kvmtest::report {
namespace {

using core::Duration;
using core::Verdict;

std::string started_text(core::WallTime started) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(started);
  const auto day = std::chrono::floor<std::chrono::days>(minute);
  const std::chrono::year_month_day date(day);
  const auto minutes = (minute - day).count();
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), minutes / 60,
                     minutes % 60);
}

std::string range_text(const RunRange& runs) {
  if (runs.count == 1) return fmt::format("run {}", runs.last.value);
  return fmt::format("{} runs, {} to {}", runs.count, runs.first.value, runs.last.value);
}

const char* color_of(std::optional<Verdict> verdict) {
  if (verdict == Verdict::passed) return look::green;
  return verdict == Verdict::failed ? look::red : look::yellow;
}

const char* outcome_text(const PastRun& run) {
  if (!run.outcome) return "no end";
  if (*run.outcome == core::record::Outcome::stopped) return "stopped";
  return *run.outcome == core::record::Outcome::infrastructure ? "broke down" : "";
}

}  // namespace

std::string runs_text(const std::vector<PastRun>& runs, const Options& options) {
  std::string out = painted(
      options,
      fmt::format("{:>5}  {:<16}  {:>7} {:<8} {:>6} {:>7} {:>7} {:>6} {:>6}  {:>14}  {}\n", "run", "started (UTC)",
                  "workers", "prefixes", "tests", "passed", "failed", "other", "flaky", "makespan", "failed"),
      look::bold);
  double most = 0;
  const auto bad = [](const PastRun& run) { return static_cast<double>(run.counts.failed + run.counts.unresolved); };
  for (const PastRun& run : runs) most = std::max(most, bad(run));
  for (const PastRun& run : runs) {
    const unsigned other = run.counts.unresolved + run.counts.untested + run.counts.unsupported;
    const std::string line =
        fmt::format("{:>5}  {:<16}  {:>7} {:<8} {:>6} {:>7} {:>7} {:>6} {:>6}  {:>14}  ", run.run.value,
                    started_text(run.started), run.automatic_workers ? "auto" : std::to_string(run.workers),
                    run.automatic_prefixes ? "auto" : prefixes_text(run.prefixes), run.tests, run.counts.passed,
                    run.counts.failed, other, run.counts.flaky, run.outcome ? duration_text(run.makespan) : "-");
    std::string tail = bar(bad(run), most, rest(options, line.size() + 11, 8));
    if (const std::string how = outcome_text(run); !how.empty()) tail += (tail.empty() ? "" : " ") + how;
    out += fmt::format(
        "{}\n", painted(options, line + tail, run.counts.failed + run.counts.unresolved > 0 ? look::red : look::plain));
  }
  return out;
}

std::string history_text(const TestHistory& history, const Options& options) {
  std::string head =
      fmt::format("in {}: {} passed, {} failed", range_text(history.runs), history.passed, history.failed);
  if (history.other > 0) head += fmt::format(", {} otherwise", history.other);
  if (history.retried > 0) head += fmt::format("; {} passed on a retry", history.retried);
  head += fmt::format("; the verdict changed {} of {} times while test and guests stayed the same", history.changed,
                      history.compared);
  if (history.passed + history.failed > 0)
    head += fmt::format("; median {} ({} to {})", duration_text(history.median), duration_text(history.least),
                        duration_text(history.most));
  std::string out =
      painted(options, escaped(history.name), look::bold) + "\n  " + wrapped(head, options.width, 2, 2) + "\n\n";
  out += painted(options, fmt::format("{:>5}  {:<16}  {:<11}  {:>14}\n", "run", "started (UTC)", "verdict", "test"),
                 look::bold);
  for (const PastVerdict& past : history.verdicts) {
    const std::string word(past.verdict ? to_string(*past.verdict) : "none");
    std::string tail = bar(core::seconds(past.took), core::seconds(history.most), 16);
    if (past.retried > 0) tail += fmt::format("  attempt {}", past.retried + 1);
    if (past.inputs_changed) tail += "  test or guests changed";
    if (!past.issue.empty()) tail += "  " + escaped(past.issue);
    while (!tail.empty() && tail.front() == ' ') tail.erase(0, 1);
    out += fmt::format("{:>5}  {}  {}  {:>14}{}\n", past.run.value, started_text(past.started),
                       painted(options, fmt::format("{:<11}", word), color_of(past.verdict)),
                       past.took.count() > 0 ? duration_text(past.took) : "-", tail.empty() ? "" : "  " + tail);
  }
  return out;
}

std::string slowest_text(const Slowest& slowest, const Options& options) {
  std::string out = fmt::format("slowest tests by median, without resets; {}\n\n", range_text(slowest.runs));
  if (slowest.tests.empty()) return out + "none passed or failed\n";
  out +=
      painted(options,
              fmt::format("{:>14} {:>14} {:>14} {:>6} {:>5}  {}\n", "median", "least", "most", "trend", "runs", "test"),
              look::bold);
  const double most = core::seconds(slowest.tests.front().median);
  std::size_t longest = 0;
  for (const SlowTest& test : slowest.tests) longest = std::max(longest, escaped(test.name).size());
  for (const SlowTest& test : slowest.tests) {
    const double earlier = core::seconds(test.earlier);
    const auto trend = earlier > 0 ? std::lround(100 * (core::seconds(test.later) / earlier - 1)) : 0;
    const std::string line =
        fmt::format("{:>14} {:>14} {:>14} {:>6} {:>5}  {:<{}}", duration_text(test.median), duration_text(test.least),
                    duration_text(test.most), trend == 0 ? "" : fmt::format("{:+} %", trend), test.runs,
                    escaped(test.name), longest);
    const std::string drawn =
        options.width > line.size() + 6 ? bar(core::seconds(test.median), most, options.width - line.size() - 2) : "";
    out += drawn.empty() ? fmt::format("{}\n", line.substr(0, line.find_last_not_of(' ') + 1))
                         : fmt::format("{}  {}\n", line, drawn);
  }
  return out + "\ntrend: the newer half of the runs against the older half\n";
}

std::string flaky_text(const Flaky& flaky, const Options& options) {
  std::string out = fmt::format("tests that changed their verdict while test and guests stayed the same; {}\n\n",
                                range_text(flaky.runs));
  if (flaky.tests.empty()) return out + "none\n";
  out += painted(options,
                 fmt::format("{:>7} {:>5} {:>7} {:>6}  {}\n", "changed", "of", "retried", "passed",
                             "test, and its verdicts from the oldest to the newest"),
                 look::bold);
  for (const FlakyTest& test : flaky.tests) {
    const auto share = test.runs == 0 ? 0 : std::lround(100.0 * test.passed / test.runs);
    const std::string name = escaped(test.name);
    out += fmt::format("{:>7} {:>5} {:>7} {:>4} %  {}\n", test.changed, test.compared, test.retried, share, name);
    const std::size_t room = rest(options, 31, 20);
    const bool cut = test.verdicts.size() > room;
    out += fmt::format("{:31}{}\n", "", cut ? test.verdicts.substr(test.verdicts.size() - room) : test.verdicts);
  }
  return out +
         "\nchanged: verdicts that differ from the one before, of the pairs that can be compared; retried: runs in "
         "which\n"
         "it passed, but not at once; . passed, F failed, ? neither\n";
}

std::string load_text(const Load& load, const Options& options) {
  std::string out = fmt::format("completed runs of at least {} tests, by workers and prefixes; {}\n", load.least_tests,
                                range_text(load.runs));
  if (load.rows.empty()) return out + "\nnone\n";
  const auto chart = [&](const char* what, auto value, auto text) {
    double most = 0;
    for (const LoadRow& row : load.rows) most = std::max(most, value(row));
    out += fmt::format("\n{}\n", painted(options, what, look::bold));
    for (const LoadRow& row : load.rows) {
      const std::string line = fmt::format(
          "  {:>4} × {:<4} {:>5}  {:>14}  ", row.automatic_workers ? "auto" : std::to_string(row.workers),
          row.automatic_prefixes ? "auto" : std::to_string(row.prefixes), fmt::format("({})", row.runs), text(row));
      // The sign × is two bytes and one column.
      const std::string drawn = bar(value(row), most, std::min<std::size_t>(rest(options, line.size() - 1, 10), 60));
      out += drawn.empty() ? line.substr(0, line.find_last_not_of(' ') + 1) + '\n' : line + drawn + '\n';
    }
  };
  const auto share = [](double part) { return fmt::format("{:.2f} %", part); };
  chart(
      "makespan, median; workers × prefixes (runs)", [](const LoadRow& row) { return core::seconds(row.makespan); },
      [](const LoadRow& row) { return duration_text(row.makespan); });
  chart(
      "tests that failed or are unresolved", [](const LoadRow& row) { return row.failed; },
      [&](const LoadRow& row) { return share(row.failed); });
  chart(
      "tests with a time-out", [](const LoadRow& row) { return row.timeouts; },
      [&](const LoadRow& row) { return share(row.timeouts); });
  chart(
      "attempts that did not pass for want of processors (STARVED), of 100 tests",
      [](const LoadRow& row) { return row.starved_attempts; },
      [](const LoadRow& row) { return fmt::format("{:.2f}", row.starved_attempts); });
  chart(
      "resets that failed", [](const LoadRow& row) { return row.failed_resets; },
      [&](const LoadRow& row) { return share(row.failed_resets); });
  chart(
      "load average", [](const LoadRow& row) { return row.load.value_or(0); },
      [](const LoadRow& row) { return row.load ? fmt::format("{:.1f}", *row.load) : "-"; });
  chart(
      "time in which some task waited for a processor", [](const LoadRow& row) { return row.cpu_pressure.value_or(0); },
      [&](const LoadRow& row) { return row.cpu_pressure ? share(*row.cpu_pressure * 100) : "-"; });
  chart(
      "time that a test wanted a processor and had none", [](const LoadRow& row) { return row.starved.value_or(0); },
      [](const LoadRow& row) { return row.starved ? fmt::format("{:.2f} s", *row.starved) : "-"; });
  return out;
}

}  // namespace kvmtest::report
