#pragma once
// A run with its timeline, as the reports for other programs and for the browser see it. Filled by telemetry (or by a
// test).

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/record.h"
#include "core/time.h"
#include "report/history.h"
#include "report/run_summary.h"

namespace kvmtest::report {

/// A slot of the reboot pool at work.
struct ResetSpan {
  core::Domain domain;
  std::string method;  ///< boot, restore, load
  core::WallTime begin;
  core::Duration total{};
  core::Duration waited{};  ///< before `begin`
  bool ok = true;
  std::string reason{};       ///< why it failed
  core::AttemptId attempt{};  ///< 0: for none
};

struct CommandSpan {
  std::string host;
  std::string command;
  core::Duration at{};  ///< since the test's start
  core::Duration took{};
  int status = 0;  ///< -1: none
};

struct SamplePoint {
  core::WallTime time;
  core::record::Sample sample;
};

struct RunReport {
  RunSummary summary;
  std::vector<ResetSpan> resets{};  ///< by their end
  std::map<core::AttemptId, std::vector<CommandSpan>> commands{};
  std::map<core::AttemptId, std::vector<core::Point>> points{};  ///< of programs that print TAP
  std::vector<SamplePoint> samples{};
  Load load{};  ///< completed runs of as many tests, by workers and prefixes
};

/// Files of an attempt's directory that reports show.
struct AttemptText {
  std::string diff;
  std::vector<std::pair<std::string, std::string>> consoles{};  ///< host, and what its console printed
  std::vector<std::pair<std::string, std::string>> kernel{};    ///< host, and what its kernel said
};
/// Reads these files. Empty where there is nothing to read.
using Texts = std::function<AttemptText(const TestResult&, const Attempt&)>;

/// Counts as the reports in JSON give them: a key for each.
nlohmann::json to_json(const Counts& counts);
/// One of `run`'s tests as json_report gives it.
nlohmann::json to_json(const RunReport& run, const TestResult& test);

/// Which of `count` lanes each span takes, so that none overlaps in its lane: the first that is free. Spans in the
/// order of their beginnings, as (begin, end). Pure.
std::vector<std::size_t> lanes(const std::vector<std::pair<core::WallTime, core::WallTime>>& spans);

// The reports. None of them holds a byte that could break it or act in a terminal or browser, whatever guests, tests
// and files are called and printed: see escaped().

/// JUnit XML as Jenkins, GitLab and Maven's Surefire write and read it: a suite for each directory of tests; failed is
/// a failure, unresolved an error, everything without a result skipped; earlier attempts are flakyFailure, flakyError,
/// rerunFailure and rerunError. The format: https://maven.apache.org/surefire/maven-surefire-plugin/xsd/
std::string junit_report(const RunReport& run, const Texts& texts);
/// TAP 13 (https://testanything.org/tap-version-13-specification.html). A run that did not complete bails out.
std::string tap_report(const RunReport& run);
/// One JSON object: what `kvmtest results --json` prints, with title, issues, resets, commands and samples.
std::string json_report(const RunReport& run);
/// Chrome's trace event format, for Perfetto and chrome://tracing: a lane for each prefix, for each slot of the reboot
/// pool, and counters of the machine. Times are microseconds since the run's start.
std::string trace_report(const RunReport& run);
/// One HTML page that needs nothing else and loads nothing. Diffs are cut at a total of 3 MiB.
std::string html_report(const RunReport& run, const Texts& texts);

}  // namespace kvmtest::report
