#pragma once
// A run: what it was ordered as, and what has come of it so far.

#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "core/model.h"
#include "core/record.h"
#include "engine/attempt_output.h"
#include "engine/group_clock.h"
#include "engine/program_runner.h"
#include "engine/script_runner.h"
#include "suite/format.h"
#include "suite/shelf.h"

namespace kvmtest::engine {

/// A run, ready to go.
struct RunOrder {
  core::RunPlan plan;
  suite::Shelf tests;  ///< by TestIndex, those with a verdict already included
  ScriptLimits limits;
  core::KernelWarnings kernel_warnings = core::KernelWarnings::tell;  ///< for tests that do not say
  std::filesystem::path output;                                       ///< directory of the run's attempts
  /// Of an interrupted run that goes on: what was decided before. Empty in a new one.
  std::map<core::TestIndex, core::Verdict> decided;
  unsigned flaky = 0;
  core::Duration spent{};
  bool require_some = false;     ///< the exit status is 1 when no test came to a result of its own
  std::function<void()> at_end;  ///< called when it is over, on a judge's thread
};

/// The run that is driven.
struct ActiveRun {
  ActiveRun(RunOrder o, core::Instant at) : order(std::move(o)), started(at), decided(order.decided) {}

  [[nodiscard]] const std::string& name(core::TestIndex test) const { return order.tests.name(test.value); }

  /// The run's last record.
  [[nodiscard]] core::record::RunFinished finished(core::record::Outcome outcome, core::Instant now) const {
    core::record::RunFinished record;
    record.outcome = outcome;
    record.untested = static_cast<unsigned>(order.tests.size() - decided.size());
    for (const auto& [test_index, verdict] : decided) {
      switch (verdict) {
        case core::Verdict::passed: ++record.passed; break;
        case core::Verdict::failed: ++record.failed; break;
        case core::Verdict::unresolved: ++record.unresolved; break;
        case core::Verdict::untested: ++record.untested; break;
        case core::Verdict::unsupported: ++record.unsupported; break;
      }
    }
    record.flaky = order.flaky;
    record.makespan = order.spent + (now - started);
    // unsupported and untested say nothing of what was to be tested
    const bool nothing = record.passed + record.failed + record.unresolved == 0;
    // docs/style.md, rule 14.
    if (outcome == core::record::Outcome::stopped)
      record.exit_status = 130;
    else if (outcome == core::record::Outcome::infrastructure)
      record.exit_status = 3;
    else
      record.exit_status =
          record.failed + record.unresolved + record.untested > 0 || (nothing && order.require_some) ? 1 : 0;
    return record;
  }

  RunOrder order;
  core::Instant started;
  const std::chrono::system_clock::time_point began = std::chrono::system_clock::now();
  std::map<core::TestIndex, core::Verdict> decided;  ///< core thread only
  std::set<core::AttemptId> under_way;               ///< tests that began and have no verdict; core thread only

  StopSignal halt;  ///< of its judging: nobody waits for more than the verdicts

  /// What a script left for its judge.
  struct Ran {
    std::shared_ptr<const suite::LoadedTest> test;
    suite::Execution execution;
    std::map<std::string, std::string> raw;
    core::Prefix prefix;
    unsigned number = 1;
    AttemptDirectory files;
    core::Duration test_time{};
    GroupClock::Had had{};
  };
  base::Mutex mutex;
  std::map<core::AttemptId, Ran> ran GUARDED_BY(mutex);
  std::map<core::AttemptId, std::filesystem::path> files GUARDED_BY(mutex);  ///< directories of those that left some

  std::map<core::TestIndex, std::shared_future<void>> writing;  ///< own output of its last attempt; core thread only
  unsigned missed = 0;                              ///< attempts being written that never began; core thread only
  bool over = false;                                ///< nothing else of it is under way; core thread only
  std::optional<core::record::RunFinished> last{};  ///< its last record, if it has one; core thread only

  /// The attempt's directory; empty: it has left none. Any thread.
  std::filesystem::path files_of(core::AttemptId attempt) {
    const base::Lock lock(mutex);
    const auto found = files.find(attempt);
    return found == files.end() ? std::filesystem::path() : found->second;
  }
};

}  // namespace kvmtest::engine
