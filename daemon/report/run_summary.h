#pragma once
// A run as its reports see it: plain rows, filled by telemetry (or by a test) and turned into text by this folder.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/record.h"
#include "core/time.h"
#include "core/verdict.h"

namespace kvmtest::report {

/// How an attempt's domains came to their clean shells.
struct AttemptResets {
  unsigned boots = 0;
  unsigned restores = 0;   ///< started from a saved state
  unsigned loads = 0;      ///< went back to it while running, or their spares had
  unsigned fallbacks = 0;  ///< restores and loads that failed and were followed by a boot
};

struct Attempt {
  core::AttemptId id;
  unsigned number = 1;  ///< first try is 1
  core::Prefix prefix;
  std::optional<core::Verdict> verdict;   ///< nothing: under way, or abandoned
  bool abandoned = false;                 ///< it died with its daemon; says nothing of the test
  bool final = false;                     ///< its verdict is the test's
  std::optional<core::WallTime> started;  ///< nothing: its domains never came up
  core::record::Split split;
  std::vector<core::record::HostUse> use;  ///< of the machine's processors, by the hosts of which it is known
  core::Duration frozen{};                 ///< its hosts stood still, of `split.test`
  /// What its script took, had nobody else been there.
  [[nodiscard]] core::Duration own_time() const { return split.test - frozen; }
  AttemptResets resets;
  std::vector<core::Issue> issues;
  std::string output;  ///< directory, absolute; empty when there is none
};

/// Whether one of the reasons for its verdict has that name.
bool has_issue(const Attempt& attempt, std::string_view name);

struct TestResult {
  std::string name;
  std::optional<core::Verdict> verdict{};  ///< nothing: not decided yet
  std::string reason{};                    ///< why it is untested, when no attempt says so
  bool flaky = false;                      ///< passed, but not every attempt did (abandoned ones do not count)
  std::vector<Attempt> attempts{};         ///< in the order of their numbers
};

struct Counts {
  unsigned passed = 0;  ///< the flaky ones included
  unsigned failed = 0;
  unsigned unresolved = 0;
  unsigned untested = 0;
  unsigned unsupported = 0;
  unsigned undecided = 0;  ///< without a verdict so far
  unsigned flaky = 0;
  friend bool operator==(const Counts&, const Counts&) = default;
};

struct Resets {
  /// Resets of one method. Times are without the wait in the queue.
  struct Kind {
    unsigned count = 0;       ///< resets that brought their domain up
    core::Duration median{};  ///< of those
  };
  Kind boots;
  Kind restores;  ///< started from a saved state
  Kind loads;     ///< went back to it while running
  Kind swaps;     ///< a spare that had gone back to it took their place
  unsigned failed = 0;
  unsigned fallbacks = 0;  ///< failed ones that a boot followed, because going back had failed
  core::Duration total{};  ///< of all boots, failed ones too
};

/// What the resets of one host's domains took in a run, by one method; failed ones left out.
struct ResetTime {
  core::Host host;
  std::string method;  ///< core::to_string(Method)
  unsigned count = 0;
  core::Duration mean{};  ///< without the wait in the queue
};

/// A domain that was only booted from some time on.
struct GivenUp {
  std::string domain;
  std::string reason;
};

/// A domain whose state could not be saved after a boot, and why.
struct NotSaved {
  std::string domain;
  std::string reason;
  unsigned boots = 0;  ///< that ended so
};

/// Faults of the host, by what they hit. One fault may be counted in more than one.
struct HostFaults {
  unsigned attempts = 0;
  unsigned resets = 0;
  unsigned domains = 0;  ///< lost while in use
  unsigned starved = 0;  ///< attempts that did not pass for want of processors; none of `attempts`
};

struct Quarantine {
  core::Prefix prefix;
  std::string reason;
};

struct RunSummary {
  core::RunId run;
  core::WallTime started;
  std::vector<std::string> prefixes;
  unsigned workers = 0;
  std::string uri;
  std::string accelerator;
  std::string settings;                          ///< JSON of what the client asked for
  std::optional<core::record::Outcome> outcome;  ///< nothing: not finished
  std::optional<int> exit_status;
  core::Duration makespan{};      ///< so far, when not finished
  std::vector<TestResult> tests;  ///< in the run's order
  Resets resets;
  HostFaults host_faults;
  std::vector<Quarantine> quarantined;
  std::vector<GivenUp> snapshots_given_up;
  std::vector<NotSaved> not_saved;  ///< by domain and reason
};

/// The bound of "makespan / bound" in summaries: no schedule of this run's work is shorter. It is the larger of two
/// times: all boots over the slots, and all groups' resets and tests over the prefixes. Zero while nothing ran.
core::Duration makespan_bound(const RunSummary& run);

/// The attempt whose verdict is the test's, the final one where several are; the last one when it has none (yet). Null:
/// there was no attempt. Points into `test`.
const Attempt* decisive(const TestResult& test);

/// Counts the verdicts of `tests`.
Counts count(const std::vector<TestResult>& tests);

/// Whether the run is over and tested nothing: each test was unsupported or untested.
bool nothing_tested(const RunSummary& run);

}  // namespace kvmtest::report
