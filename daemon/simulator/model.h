#pragma once
// What the simulated machine is like and what goes wrong on it. Every question is a function, so that a model may be a
// constant, a list of past durations, or a seeded generator.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/model.h"
#include "core/time.h"
#include "core/verdict.h"

namespace kvmtest::simulator {

/// A domain ends by itself.
struct Loss {
  core::Duration after{};  ///< since its domain was ready, or since the test began
  core::Fault fault = core::Fault::host;
  std::string reason = "lost";
  core::Host host{};        ///< which domain of the group; only in a test's fate
  bool script_sees = true;  ///< false: the script is busy on another host and never touches this one again
};

/// What becomes of one reset.
struct ResetFate {
  core::Duration takes{};              ///< start to shell, while no more resets run than there are cores
  std::optional<core::Fault> fault{};  ///< it fails when its time is over
  std::string reason = "no shell";
  bool ignores_cancel = false;  ///< too far gone to be interrupted: it ends as if nobody had asked
  std::optional<Loss> loss{};   ///< it succeeds, and then the domain is lost
  bool saves = true;            ///< a boot that is to save the state does
  bool state_lost = false;      ///< with `fault`, of a load or restore: what was kept is of no use
  bool in_place = true;         ///< it succeeds, and can go back while it runs
};

/// What becomes of making a spare ready.
struct SpareFate {
  core::Duration work{};           ///< processor time first, of one processor
  core::Duration takes{};          ///< and then so long, whoever else wants processors
  core::Duration started_after{};  ///< where it is started anew: from then on it only warms up
  bool fails = false;              ///< when its time is over
  std::string reason = "no spare";
};

/// What becomes of one test's script. It alternates between work, which takes longer when more want processors than
/// there are, and rest; both stand still with the group.
struct TestFate {
  core::Duration takes{};                  ///< its rest
  core::Duration work{};                   ///< processor time
  double width = 1;                        ///< of so many processors at a time
  unsigned turns = 1;                      ///< how often it works, and rests: as long each time
  double bears = 1;                        ///< it fails when it was starved for a larger share of its time
  bool exempt = false;                     ///< its group may not stand still
  std::optional<core::Host> host_fault{};  ///< where a fault of the host shows when the time is over
  std::string reason = "I/O error";
  bool ignores_cancel = false;
  std::optional<Loss> loss{};
  std::vector<core::Host> stuck{};  ///< at its own end: whose console does not wait at its prompt
};

struct JudgeFate {
  core::Duration takes{};
  core::Verdict verdict = core::Verdict::passed;
  std::vector<core::Issue> issues{};
};

struct DestroyFate {
  core::Duration takes{};
  bool fails = false;
  std::string reason = "still there";
};

struct Model {
  unsigned cores = 64;         ///< resets and tests that work beyond them slow all of them down in proportion
  core::Duration tick{};       ///< from one measurement of the load to the next; 0: none
  unsigned judges = 2;         ///< threads
  core::Duration interrupt{};  ///< from a cancellation until the cancelled thing has ended

  /// The n-th reset of the domain, from 1.
  std::function<ResetFate(const core::Domain&, unsigned nth)> reset;
  /// The same for a reset that goes back to a saved state. None: as `reset`.
  std::function<ResetFate(const core::Domain&, unsigned nth)> go_back;
  /// The same for one by a swap. None: as `go_back`.
  std::function<ResetFate(const core::Domain&, unsigned nth)> swap;
  /// Of the domain's spare. None: it is ready at once.
  std::function<SpareFate(const core::Domain&, bool in_place)> spare;
  /// Whether stopping the domain's processor fails. None: never.
  std::function<bool(const core::Domain&)> pause_fails;
  core::Duration pause{};  ///< what that takes
  /// The attempt at a test with this number.
  std::function<TestFate(core::TestIndex, unsigned number)> test;
  std::function<JudgeFate(core::TestIndex, unsigned number)> judge;
  /// The n-th destruction of the domain, from 1.
  std::function<DestroyFate(const core::Domain&, unsigned nth)> destroy;
  /// When set and it answers: a result just delivered is delivered once more, that much later.
  std::function<std::optional<core::Duration>()> echo;

  /// Nothing goes wrong, and everything of a kind takes as long.
  static Model constant(core::Duration boot, core::Duration test, core::Duration judging = {},
                        core::Duration destroy = {});
};

}  // namespace kvmtest::simulator
