// The scheduler's part in sharing this machine: which groups stand still, and how many tests run side by side.

#include <algorithm>
#include <utility>

#include "core/scheduler.h"

namespace kvmtest::core {

void Scheduler::on(const event::LoadMeasured& e, Instant now) {
  if (!run_) return;
  const Governor::Changes changes = governor_.measured(e.load, pool_.busy(true), now);
  for (const AttemptId attempt : changes.freeze) out_.push_back(action::FreezeGroup{attempt});
  for (const AttemptId attempt : changes.thaw) out_.push_back(action::ThawGroup{attempt});
}

/// Whether the prefix's test may begin beside those that run. Else it waits at the door, behind those that were there
/// before.
bool Scheduler::enter(PrefixEntry& prefix) {
  const PlannedTest& test = std::get<prefix_state::Preparing>(prefix.state).test;
  auto& door = run_->at_door;
  const bool first = door.empty() || door.front() == prefix.prefix;
  if (first && room_for(test)) {
    if (!door.empty()) door.pop_front();
    return true;
  }
  if (std::find(door.begin(), door.end(), prefix.prefix) == door.end()) door.push_back(prefix.prefix);
  return false;
}

/// A test that is to run alone has nothing beside it: no other test, no boot, no spare that is made ready.
bool Scheduler::room_for(const PlannedTest& test) const {
  const auto running = static_cast<unsigned>(run_->running.size());
  if (test.beside == 0U && (pool_.busy() > 0 || spares_.preparing > 0)) return false;
  return (!test.beside || running <= *test.beside) &&
         std::all_of(run_->bounded.begin(), run_->bounded.end(),
                     [&](const auto& each) { return running <= each.second; });
}

/// Whether a test runs that is to have nothing beside it.
bool Scheduler::one_alone() const {
  return run_ &&
         std::any_of(run_->bounded.begin(), run_->bounded.end(), [](const auto& each) { return each.second == 0; });
}

/// Whoever is first at the door and may go in now; who has nothing to do there any more is gone.
PrefixEntry* Scheduler::first_to_enter() {
  if (!run_) return nullptr;
  auto& door = run_->at_door;
  while (!door.empty() && !is<prefix_state::Preparing>(entry_of(door.front()).state)) door.pop_front();
  if (door.empty()) return nullptr;
  PrefixEntry& first = entry_of(door.front());
  return room_for(std::get<prefix_state::Preparing>(first.state).test) ? &first : nullptr;
}

}  // namespace kvmtest::core
