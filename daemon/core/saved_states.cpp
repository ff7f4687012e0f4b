#include "core/saved_states.h"

#include <utility>

namespace kvmtest::core {

void SavedStates::begin_run(const States& states) {
  kept_ = states.kept;
  not_savable_.clear();
}

void SavedStates::assign(const Domain& domain, const States& states) {
  of_.erase(domain);
  if (const auto found = states.of.find(domain); found != states.of.end()) of_.insert(*found);
}

std::optional<SavedStateId> SavedStates::of(const Domain& domain) const {
  const auto found = of_.find(domain);
  return found == of_.end() ? std::nullopt : std::optional(found->second);
}

std::set<Prefix> SavedStates::end_saving(const SavedStateId& state) {
  if (const auto found = saving_.find(state); found != saving_.end() && --found->second == 0) saving_.erase(found);
  auto waiting = waiting_.extract(state);
  return waiting.empty() ? std::set<Prefix>{} : std::move(waiting.mapped());
}

void SavedStates::learn(const SavedStateId& state, bool saved) {
  if (saved) {
    kept_.insert(state);
    not_savable_.erase(state);
  } else {
    not_savable_.insert(state);
  }
}

}  // namespace kvmtest::core
