#pragma once
// Saved states by QEMU's internal snapshots, in the same process. The machine's state lies in a qcow2 node that no
// guest device sees, so that a domain without a disk has one too; the disks' overlays hold theirs themselves.

#include <string>
#include <vector>

#include "engine/snapshots.h"
#include "libvirt/hypervisor.h"
#include "libvirt/qmp.h"
#include "libvirt/state_store.h"

namespace kvmtest::libvirt {

/// Any thread, as the seam says.
class QemuSnapshots final : public engine::Snapshots {
 public:
  /// `login`: whatever else decides about a logged-in shell; a part of the states' names.
  QemuSnapshots(LibvirtHypervisor& hypervisor, StateStore& store, std::string login);

  core::StateId state_of(const core::Domain& domain) override;
  bool kept(const core::StateId& state) override { return store_.kept(state); }
  void save(const core::Domain& domain, const core::StateId& state, const std::string& note) override;
  std::string load(const core::Domain& domain) override;
  Restored restore(const core::Domain& domain, const core::StateId& state) override;
  /// One that has booted: QEMU puts a kernel of the host's into the guest's memory again before each load.
  bool better_restored(const core::Domain& domain) override;
  void pause(const core::Domain& domain) override;

 private:
  std::string shape(const core::Domain& domain);
  nlohmann::json try_to_save(const core::Domain& domain, virDomainPtr handle, bool spilled);

  LibvirtHypervisor& hypervisor_;
  StateStore& store_;
  std::string login_;
  std::string versions_;
  std::mutex mutex_;
  /// What a running domain goes back to.
  struct Saved {
    std::string note;
    nlohmann::json nodes;  ///< of the block layer, that hold it
    bool paused = false;
    bool booted = false;  ///< in this QEMU, with a kernel of the host's
  };
  std::map<core::Domain, Saved> saved_;  ///< guarded by mutex_
};

}  // namespace kvmtest::libvirt
