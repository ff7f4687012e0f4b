#pragma once
// Saved states and spares through QEMU's internal snapshots. What one domain does is its machine's business
// (libvirt/machine.h); this finds it.

#include <string>

#include "engine/snapshots.h"
#include "engine/spares.h"
#include "libvirt/libvirt_hypervisor.h"
#include "libvirt/machines.h"
#include "libvirt/state_names.h"
#include "libvirt/state_store.h"

namespace kvmtest::libvirt {

/// Any thread, as the seams say.
class QemuSnapshots final : public engine::Snapshots, public engine::Spares {
 public:
  QemuSnapshots(LibvirtHypervisor& hypervisor, StateStore& store)
      : names_(hypervisor.state_names()), machines_(hypervisor.machines()), store_(store) {}

  core::SavedStateId state_of(const core::Domain& domain) override { return names_.state_of(domain); }
  bool kept(const core::SavedStateId& state) override { return store_.kept(state); }
  void save(const core::Domain& domain, const core::SavedStateId& state, const std::string& note) override {
    machines_.of(domain).save(state, note);
  }
  std::string load(const core::Domain& domain) override { return machines_.of(domain).load(); }
  Restored restore(const core::Domain& domain, const core::SavedStateId& state) override {
    return machines_.of(domain).restore(state);
  }
  bool better_restored(const core::Domain& domain) override { return machines_.of(domain).better_restored(); }
  void pause(const core::Domain& domain) override { machines_.of(domain).pause(); }

  Restored take_back(const core::Domain& domain, const core::SavedStateId& state, bool at_rest) override {
    return machines_.of(domain).take_back(state, at_rest);
  }
  void hurry(const core::Domain& domain) override { machines_.of(domain).hurry(); }
  void halt(const core::Domain& domain) override { machines_.of(domain).halt(); }
  void swap(const core::Domain& domain) override { machines_.of(domain).swap(); }
  void discard(const core::Domain& domain) override { machines_.of(domain).discard(); }

 private:
  const StateNames& names_;
  Machines& machines_;
  StateStore& store_;
};

}  // namespace kvmtest::libvirt
