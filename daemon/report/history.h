#pragma once
// Past runs as rows, filled by telemetry (or by a test), and as text. A test "changed its mind" when one run says
// passed and the next that says anything says failed, or the other way round, and its inputs were the same. Pure; any
// thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/record.h"
#include "core/time.h"
#include "core/verdict.h"
#include "report/run_summary.h"
#include "report/summary.h"

namespace kvmtest::report {

/// The runs that an answer is made of.
struct RunRange {
  core::RunId first;  ///< 0: none
  core::RunId last;
  unsigned count = 0;
};

struct PastRun {
  core::RunId run;
  core::WallTime started;
  unsigned workers = 0;
  std::vector<std::string> prefixes{};
  bool automatic_workers = false;  ///< how many of them were in use was decided by the load; so the next one
  bool automatic_prefixes = false;
  unsigned tests = 0;
  Counts counts{};                                 ///< all zero of a run without an end
  std::optional<core::record::Outcome> outcome{};  ///< nothing: under way or interrupted; the rest is zero then
  int exit_status = 0;
  core::Duration makespan{};
  unsigned timeouts = 0;  ///< attempts that timed out
  unsigned boots = 0;
  unsigned restores = 0;
  unsigned loads = 0;
  unsigned failed_resets = 0;
  std::optional<double> load{};          ///< mean of the one-minute load averages; nothing: not sampled
  std::optional<double> cpu{};           ///< mean busy share, 0 to 1
  std::optional<double> cpu_pressure{};  ///< mean share of time in which some task waited, 0 to 1; so the next two
  std::optional<double> memory_pressure{};
  std::optional<double> io_pressure{};
  std::optional<double> used{};     ///< processor time of its tests' hosts, seconds; nothing: not measured
  std::optional<double> frozen{};   ///< for which its tests stood still, seconds, all together
  unsigned starved_attempts = 0;    ///< that did not pass for want of processors
  std::optional<double> starved{};  ///< in which its tests wanted a processor and had none, seconds, all together
};

/// What one run says of a test.
struct PastVerdict {
  core::RunId run;
  core::WallTime started;                  ///< of the run
  std::optional<core::Verdict> verdict{};  ///< nothing: the run ended without one
  unsigned retried = 0;                    ///< attempts before the one that counted
  core::Duration took{};                   ///< of the test's own commands
  bool inputs_changed = false;             ///< the test or its guests are not those of the run before
  std::string issue{};                     ///< the first one of its last attempt: "east: TIMEOUT: …"
};

struct TestHistory {
  std::string name{};
  RunRange runs;  ///< that had the test
  unsigned passed = 0;
  unsigned failed = 0;
  unsigned other = 0;
  unsigned compared = 0;                ///< pairs of successive verdicts with the same inputs
  unsigned changed = 0;                 ///< of those, the pairs that differ
  unsigned retried = 0;                 ///< runs in which it passed, but not at once
  core::Duration median{};              ///< of those that passed or failed
  core::Duration least{};               ///< the same
  core::Duration most{};                ///< the same
  std::vector<PastVerdict> verdicts{};  ///< the newest first
};

struct SlowTest {
  std::string name{};
  unsigned runs = 0;  ///< in which it passed or failed
  core::Duration median{};
  core::Duration least{};
  core::Duration most{};
  core::Duration earlier{};  ///< median of the older half of the runs
  core::Duration later{};    ///< of the newer half
};

struct FlakyTest {
  std::string name{};
  unsigned runs = 0;      ///< in which it passed or failed
  unsigned passed = 0;    ///< of those
  unsigned compared = 0;  ///< as in TestHistory
  unsigned changed = 0;
  unsigned retried = 0;
  std::string verdicts{};  ///< of each run, the oldest first: . passed, F failed, ? another one
};

/// Runs with equally many workers and prefixes.
struct LoadRow {
  unsigned workers = 0;
  unsigned prefixes = 0;  ///< where that was decided by the load: at most, in the newest of the runs
  unsigned runs = 0;
  bool automatic_workers = false;
  bool automatic_prefixes = false;
  core::Duration makespan{};             ///< median
  double failed = 0;                     ///< tests that failed or are unresolved, of 100; mean
  double timeouts = 0;                   ///< of 100 tests; mean
  double failed_resets = 0;              ///< of 100 resets; mean
  std::optional<double> load{};          ///< mean
  std::optional<double> cpu{};           ///< mean, 0 to 1
  std::optional<double> cpu_pressure{};  ///< mean share of time in which some task waited, 0 to 1; so the next two
  std::optional<double> memory_pressure{};
  std::optional<double> io_pressure{};
  double starved_attempts = 0;      ///< that did not pass for want of processors, of 100 tests; mean
  std::optional<double> starved{};  ///< for how long a test wanted a processor and had none, seconds; mean
};

struct Slowest {
  RunRange runs;
  std::vector<SlowTest> tests{};  ///< the slowest first
};
struct Flaky {
  RunRange runs;
  std::vector<FlakyTest> tests{};  ///< those that changed most often first
};
struct Load {
  RunRange runs;
  unsigned least_tests = 0;     ///< smaller runs are left out
  std::vector<LoadRow> rows{};  ///< by workers and prefixes
};

// Each as lines ending in \n; bars are drawn with #, as long as `options.width` allows.
std::string runs_text(const std::vector<PastRun>& runs, const Options& options);
std::string history_text(const TestHistory& history, const Options& options);
std::string slowest_text(const Slowest& slowest, const Options& options);
std::string flaky_text(const Flaky& flaky, const Options& options);
std::string load_text(const Load& load, const Options& options);

}  // namespace kvmtest::report
