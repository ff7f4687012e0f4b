#pragma once
// Figures for monitoring, in Prometheus' text form
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/record.h"
#include "core/time.h"
#include "report/history.h"
#include "report/run_summary.h"

namespace kvmtest::report {

/// Sums over every run that has ended.
struct Totals {
  std::uint64_t completed = 0;  ///< runs, by their outcome
  std::uint64_t stopped = 0;
  std::uint64_t infrastructure = 0;
  std::uint64_t passed = 0;  ///< tests, by their verdict
  std::uint64_t failed = 0;
  std::uint64_t unresolved = 0;
  std::uint64_t untested = 0;
  std::uint64_t unsupported = 0;
  std::uint64_t flaky = 0;  ///< of those that passed
  std::uint64_t timeouts = 0;
  std::uint64_t boots = 0;
  std::uint64_t restores = 0;
  std::uint64_t loads = 0;
  std::uint64_t failed_resets = 0;
  core::Duration makespan{};
  core::Duration used{};               ///< processor time of tests' hosts
  core::Duration starved{};            ///< in which tests wanted a processor and had none
  core::Duration frozen{};             ///< for which tests stood still
  std::uint64_t starved_attempts = 0;  ///< that did not pass for want of processors
};

/// What the daemon is doing now.
struct Activity {
  std::optional<core::RunId> run{};  ///< nothing: none is active
  unsigned tests = 0;
  unsigned decided = 0;
  unsigned slots = 0;
  unsigned resetting = 0;
  unsigned queued = 0;
  struct Prefix {
    std::string name;
    std::string state;
  };
  std::vector<Prefix> prefixes{};
};

struct Metrics {
  Totals totals{};
  std::optional<PastRun> last{};                 ///< the newest run that has ended
  std::optional<core::record::Sample> sample{};  ///< the newest sample
  std::optional<core::WallTime> sampled{};       ///< when `sample` was taken
  std::optional<Activity> activity{};            ///< nothing: no daemon is there
};

std::string metrics_text(const Metrics& metrics);

}  // namespace kvmtest::report
