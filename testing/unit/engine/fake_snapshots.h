#pragma once
// Saved states of fake guests: copies of them, kept by name. Faults are planned by domain.

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "engine/snapshots.h"
#include "fake_hypervisor.h"

namespace kvmtest::engine {

/// Any thread.
class FakeSnapshots final : public Snapshots {
 public:
  explicit FakeSnapshots(FakeHypervisor& hypervisor) : hypervisor_(hypervisor) {}

  /// Hosts of the same name have the same state in every prefix.
  core::StateId state_of(const core::Domain& domain) override { return core::StateId{domain.host.value}; }
  bool kept(const core::StateId& state) override;
  void save(const core::Domain& domain, const core::StateId& state, const std::string& note) override;
  std::string load(const core::Domain& domain) override;
  Restored restore(const core::Domain& domain, const core::StateId& state) override;
  bool better_restored(const core::Domain& domain) override;
  void pause(const core::Domain& domain) override;

  /// How many of a domain's next ones fail, or leave a guest that says nothing.
  struct Plan {
    unsigned saves_that_fail = 0;
    unsigned loads_that_fail = 0;
    unsigned loads_that_hang = 0;
    unsigned restores_that_fail = 0;
    unsigned restores_that_hang = 0;
    unsigned pauses_that_fail = 0;
    unsigned restores_that_are_better = 0;  ///< than the load that is asked for
  };
  void plan(const core::Domain& domain, Plan plan);
  void drop(const core::StateId& state);

 private:
  struct Saved {
    console::FakeGuest::State guest;
    std::string note;
  };

  FakeHypervisor& hypervisor_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::map<core::StateId, Saved> kept_;
  std::map<core::Domain, Saved> held_;  ///< what each domain goes back to
  std::map<core::Domain, Plan> plans_;
};

}  // namespace kvmtest::engine
