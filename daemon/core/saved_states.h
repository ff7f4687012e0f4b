#pragma once
// Which clean states there are, which are about to be saved, and who waits for them.

#include <map>
#include <optional>
#include <set>

#include "core/ids.h"
#include "core/model.h"

namespace kvmtest::core {

/// Core thread only.
class SavedStates {
 public:
  /// A run begins: these states are kept, and what could not be saved may be tried again.
  void begin_run(const States& states);
  /// The domain is to have a state of `states`, or none.
  void assign(const Domain& domain, const States& states);
  /// The state that the domain is to have.
  [[nodiscard]] std::optional<SavedStateId> of(const Domain& domain) const;

  [[nodiscard]] bool kept(const SavedStateId& state) const { return kept_.contains(state); }
  /// Whether any of them was not known to be kept: whoever waits for a state may go on.
  bool add_kept(const std::set<SavedStateId>& states) {
    const std::size_t before = kept_.size();
    kept_.insert(states.begin(), states.end());
    return kept_.size() > before;
  }
  void lose(const SavedStateId& state) { kept_.erase(state); }

  /// A domain is to be booted and saved.
  void begin_saving(const SavedStateId& state) { ++saving_[state]; }
  /// It was, or will not be. Returns the prefixes that waited for that: they look again.
  std::set<Prefix> end_saving(const SavedStateId& state);
  /// What came of a boot that was to save the state.
  void learn(const SavedStateId& state, bool saved);
  /// Whether it is worth waiting for somebody who is about to save the state.
  [[nodiscard]] bool comes(const SavedStateId& state) const {
    return saving_.contains(state) && !not_savable_.contains(state);
  }
  void wait_for(const SavedStateId& state, const Prefix& prefix) { waiting_[state].insert(prefix); }

 private:
  std::map<Domain, SavedStateId> of_;
  std::set<SavedStateId> kept_;
  std::set<SavedStateId> not_savable_;  ///< a domain failed to save it: nobody waits for another one to do so
  std::map<SavedStateId, unsigned> saving_;
  std::map<SavedStateId, std::set<Prefix>> waiting_;
};

}  // namespace kvmtest::core
