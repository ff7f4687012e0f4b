#pragma once
// Reads back from the database: the stream for clients that re-attach, what a resumed run starts from, and the rows of
// reports. Every answer is one consistent state, also while another connection writes.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/record.h"
#include "report/run_summary.h"
#include "telemetry/database.h"

namespace kvmtest::telemetry {

/// Where an interrupted run goes on. Appending RunResumed marks the attempts without a verdict as abandoned.
struct Resume {
  core::RunId run;
  core::WallTime started;
  core::record::RunStarted created;       ///< what create_run was given
  std::vector<report::TestResult> tests;  ///< by TestIndex; the next attempt's number is the last one's + 1
  report::Counts counts;
  std::vector<core::AttemptId> unjudged;  ///< under way when the daemon died, not yet marked as abandoned
};

/// One thread at a time, together with its Database. Everything throws Error when the database fails, and for a run
/// that is not in it.
class Queries {
 public:
  explicit Queries(Database& database) : database_(database) {}

  /// The stream of `run` (0: outside any run) after `after_sequence`, at most `limit` records, in order.
  [[nodiscard]] std::vector<core::record::Record> records(core::RunId run, std::int64_t after_sequence,
                                                          std::size_t limit);
  [[nodiscard]] bool has_run(core::RunId run);
  [[nodiscard]] std::optional<core::RunId> latest_run();
  /// The newest one with a test of that name.
  [[nodiscard]] std::optional<core::RunId> latest_run_of(const std::string& test);
  /// The newest run without a RunFinished that nobody has stopped since its start or since it went on.
  [[nodiscard]] std::optional<core::RunId> unfinished_run();
  /// Those without a RunFinished that somebody has stopped since then.
  [[nodiscard]] std::vector<core::RunId> stopped_runs();
  [[nodiscard]] Resume resume_state(core::RunId run);
  [[nodiscard]] report::RunSummary run_summary(core::RunId run);
  /// The tests of `run` with their attempts, in the run's order.
  [[nodiscard]] std::vector<report::TestResult> results(core::RunId run);
  [[nodiscard]] std::vector<report::ResetTime> reset_times(core::RunId run);
  /// By name: the newest verdict of every test that ever had one.
  [[nodiscard]] std::map<std::string, core::Verdict> last_verdicts();
  /// For each of `tests` that ever passed or failed: the median time of its own commands over its last 9 such attempts.
  [[nodiscard]] std::map<std::string, core::Duration> past_durations(std::span<const std::string> tests);
  /// What an attempt usually cost its prefix besides the test: the median of waiting and reset over the newest 50 that
  /// came to a verdict. Nothing: there is none.
  [[nodiscard]] std::optional<core::Duration> past_overhead();
  /// For each of `tests` that ever got a verdict of its own: whether it passed, or was unsupported, the last time.
  [[nodiscard]] std::map<std::string, bool> last_passed(std::span<const std::string> tests);

 private:
  Database& database_;
};

}  // namespace kvmtest::telemetry
