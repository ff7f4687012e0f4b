// The scheduler's part in sharing this machine: which groups stand still, and how many tests run side by side.

#include <algorithm>
#include <utility>

#include "core/scheduler.h"

namespace kvmtest::core {

void Scheduler::on(const event::LoadMeasured& e, Instant now) {
  if (!run_) return;
  admission_.measured(e.load);
  run_->measured = true;
  const Governor::Changes changes = governor_.measured(e.load, pool_.starting(), now);
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
  if (running > 0 && admission_.held_back()) return false;
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

// ---- beginning something beside what goes on ----

/// Whether another domain may be started now.
bool Scheduler::may_start() const {
  if (!run_) return true;
  const bool first = pool_.starting() == 0;
  if (admission_.held_back()) return first && run_->running.empty();
  return first || (!run_->plan.admission.starts && !modest()) || admission_.has_room();
}

/// Whether a part of the processors is others': what is no test takes then what is idle.
bool Scheduler::modest() const { return run_->plan.sharing.share < 1; }

/// Takes another prefix into use, if that is worth while. One at a time: what it needs is to be measured before the
/// next one. Whether there was one.
bool Scheduler::open_another(Instant now) {
  if (!run_ || run_->stopping() || run_->reserve.empty() || run_->pending.empty()) return false;
  if (!room_for_another() && anything_goes_on()) return false;
  const auto next = std::find_if(run_->plan.prefixes.begin(), run_->plan.prefixes.end(),
                                 [&](const Prefix& name) { return run_->reserve.contains(name); });
  PrefixEntry& prefix = entry_of(*next);
  if (!fits(prefix, run_->pending.front())) return false;
  run_->reserve.erase(*next);
  run_->opening.insert(*next);
  run_->measured = false;
  touch(prefix, now);
  return true;
}

/// What was opened takes a processor as well, once its domains are there; and those that wait to be started come first.
bool Scheduler::room_for_another() {
  if (!run_->measured || pool_.queued() > 0 || !run_->at_door.empty() || admission_.held_back()) return false;
  std::erase_if(run_->opening,
                [&](const Prefix& prefix) { return !is<prefix_state::Preparing>(entry_of(prefix).state); });
  return admission_.has_room(static_cast<unsigned>(run_->opening.size()));
}

/// Whether some prefix is busy with a test, or will be.
bool Scheduler::anything_goes_on() const {
  if (!run_->running.empty()) return true;
  return std::any_of(run_->plan.prefixes.begin(), run_->plan.prefixes.end(), [&](const Prefix& name) {
    if (run_->reserve.contains(name)) return false;
    const PrefixState& state = prefixes_.at(name).state;
    return is<prefix_state::Preparing>(state) || is<prefix_state::Awaiting>(state) ||
           is<prefix_state::CoolingDown>(state);
  });
}

}  // namespace kvmtest::core
