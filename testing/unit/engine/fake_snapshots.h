#pragma once
// Saved states of fake guests: copies of them, kept by name; and spares that are taken back to them. Faults are planned
// by domain.

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "engine/snapshots.h"
#include "engine/spares.h"
#include "fake_hypervisor.h"

namespace kvmtest::engine {

/// Any thread.
class FakeSnapshots final : public Snapshots, public Spares {
 public:
  explicit FakeSnapshots(FakeHypervisor& hypervisor) : hypervisor_(hypervisor) {}

  /// Hosts of the same name have the same state in every prefix.
  core::SavedStateId state_of(const core::Domain& domain) override { return core::SavedStateId{domain.host.value}; }
  bool kept(const core::SavedStateId& state) override;
  void save(const core::Domain& domain, const core::SavedStateId& state, const std::string& note) override;
  std::string load(const core::Domain& domain) override;
  Restored restore(const core::Domain& domain, const core::SavedStateId& state) override;
  bool better_restored(const core::Domain& domain) override;
  void pause(const core::Domain& domain) override;

  Restored take_back(const core::Domain& domain, const core::SavedStateId& state, bool at_rest) override;
  void hurry(const core::Domain& domain) override;
  void halt(const core::Domain& domain) override;
  void swap(const core::Domain& domain) override;
  void discard(const core::Domain& domain) override;

  /// How many of a domain's next ones fail, or leave a guest that says nothing.
  struct Plan {
    unsigned saves_that_fail = 0;
    unsigned loads_that_fail = 0;
    unsigned loads_that_hang = 0;
    unsigned restores_that_fail = 0;
    unsigned restores_that_hang = 0;
    unsigned pauses_that_fail = 0;
    unsigned restores_that_are_better = 0;  ///< than the load that is asked for
    unsigned spares_that_fail = 0;          ///< to be taken back
    unsigned spares_that_hang = 0;          ///< when they have been
    unsigned spares_that_spoil = 0;         ///< while they are halted
    unsigned swaps_that_fail = 0;
  };
  void plan(const core::Domain& domain, Plan plan);
  void drop(const core::SavedStateId& state);

  /// How spares were taken back.
  struct TakenBack {
    unsigned started = 0;
    unsigned in_place = 0;
    unsigned halted = 0;
    unsigned failed = 0;
    unsigned hurried = 0;
  };
  /// Waits until the domain's spares were as often, at least, or until the test has waited too long.
  TakenBack wait_for_spare(const core::Domain& domain, TakenBack least);

 private:
  struct Saved {
    console::FakeGuest::State guest;
    std::string note;
  };

  FakeHypervisor& hypervisor_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::map<core::SavedStateId, Saved> kept_;
  std::map<core::Domain, Saved> held_;  ///< what each domain goes back to
  std::map<core::Domain, Saved> held_by_spare_;
  std::map<core::Domain, Plan> plans_;
  std::map<core::Domain, TakenBack> taken_back_;
  std::condition_variable changed_;
};

}  // namespace kvmtest::engine
