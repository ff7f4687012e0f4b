#pragma once
// From a request and the chosen tests to what the scheduler is told: groups, patience, saved states, memory and spares.
// The daemon plans its runs by this, and `kvmtest plan` those that it predicts. Pure; any thread.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/model.h"
#include "core/verdict.h"
#include "planning/request.h"
#include "report/run_summary.h"
#include "settings/settings.h"
#include "suite/format.h"
#include "suite/shelf.h"

namespace kvmtest::planning {

/// Figures of the machine and of the domains that a run is planned for.
struct Machine {
  unsigned cores = 1;
  std::uint64_t memory_available = 0;                ///< bytes that can be had without swapping; 0: not known
  std::map<core::Host, std::uint64_t> guest_memory;  ///< bytes that the guest of a domain is given
};

/// The clean state of a domain.
struct CleanState {
  core::SavedStateId id;
  bool kept = false;  ///< saved already
};
/// Slots of the reboot pool for quick ways, beside those for boots (docs/adr/0008-reset-by-snapshot.md).
unsigned quick_slots(const RunRequest& request, const Machine& machine);

/// Tells the clean state that a domain can be brought to. May throw.
using StateOf = std::function<CleanState(const core::Domain&)>;

/// What the run may use of the machine's memory (docs/adr/0009-memory.md).
core::Memory memory_for(const Machine& machine, settings::ResetMethod reset);

/// How many of an automatic request's prefixes its run may use: as many as there are tests, and as the memory holds
/// with a spare for each domain. At least one.
std::size_t useful_prefixes(const RunRequest& request, const std::vector<suite::LoadedTest>& tests,
                            const Machine& machine);

/// How many domains of the run may have a spare (docs/adr/0012-spares.md): only what all of its domains together would
/// leave. 0 where the memory is not known to be enough.
unsigned spares_for(const core::RunPlan& plan);

/// The clean states of a run's domains, one for each prefix and each host of `tests`; none of a domain that is to be
/// booted each time. Throws what `state_of` does.
core::States states_for(const std::vector<core::Prefix>& prefixes, const std::vector<core::PlannedTest>& tests,
                        const RunRequest& request, const StateOf& state_of);

/// The clean state of a domain that a client wants outside a run, which is there to be used for long: `automatic` saves
/// none for it. Throws what `state_of` does.
core::States states_for_client(const core::Domain& domain, settings::ResetMethod reset, const StateOf& state_of);

struct Plan {
  core::RunPlan run;                                   ///< its tests are those that are left to run
  std::map<core::TestIndex, core::Verdict> decided{};  ///< tests that are not
  std::map<std::string, std::string> untested{};       ///< by name, why: those that the plan decided
  unsigned flaky = 0;                                  ///< of the decided, as reports count them
};

/// Plans a run of the chosen tests, in their order. `results`: of a run that goes on, one a test; empty for a new run.
/// Throws what `state_of` does.
Plan plan(const RunRequest& request, const suite::Shelf& tests, const std::vector<report::TestResult>& results,
          const settings::Settings::Limits& limits, const Machine& machine, const StateOf& state_of);

/// How the run's tests share the processors.
void set_sharing(core::RunPlan& run, const settings::Settings::Load& load);

/// The names that a request has as strings.
std::vector<core::Prefix> prefixes_of(const std::vector<std::string>& names);
std::vector<std::string> names_of(const std::vector<suite::LoadedTest>& tests);

}  // namespace kvmtest::planning
