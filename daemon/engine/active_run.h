#pragma once
// What the engine keeps of the run it drives. Internal to engine/.

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "engine/attempt_output.h"
#include "engine/engine.h"
#include "engine/kernel_talk.h"
#include "engine/program_runner.h"

namespace kvmtest::engine {

struct Engine::ActiveRun {
  ActiveRun(RunOrder o, core::Instant at) : order(std::move(o)), started(at), decided(order.decided) {}

  [[nodiscard]] const suite::Test& test(core::TestIndex index) const { return order.tests.at(index.value).test; }

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

  /// What a script left for its judge.
  struct Ran {
    suite::Execution execution;
    std::map<std::string, std::string> raw;
    core::Prefix prefix;
    unsigned number = 1;
    core::Duration test_time{};
  };
  std::mutex mutex;
  std::map<core::AttemptId, Ran> ran;  ///< guarded by mutex
};

/// A test whose script or program runs. Guarded by Engine::mutex_.
struct Engine::UnderTest {
  std::string name;
  Sessions sessions;
  std::map<std::string, std::shared_ptr<console::LiveText>> live;  ///< by host
  std::shared_ptr<StopSignal> stop;                                ///< of its program; null: a script
  std::string token{};                                             ///< of its program, while consoles are lent to it
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  unsigned commands = 0;                                              ///< that its program ran
  std::map<std::string, console::Capture> consoles = {};              ///< by host: those commands and their output
  std::map<std::string, std::vector<KernelTalk>> earlier_boots = {};  ///< by host that was restarted
};

}  // namespace kvmtest::engine
