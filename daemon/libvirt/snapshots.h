#pragma once
// Saved states by QEMU's internal snapshots, in the same process. The machine's state lies in a qcow2 node that no
// guest device sees, so that a domain without a disk has one too; the disks' overlays hold theirs themselves.

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/snapshots.h"
#include "engine/spares.h"
#include "libvirt/hypervisor.h"
#include "libvirt/qmp.h"
#include "libvirt/state_store.h"

namespace kvmtest::libvirt {

/// Any thread, as the seams say.
class QemuSnapshots final : public engine::Snapshots, public engine::Spares {
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

  // libvirt/spares.cpp
  Restored take_back(const core::Domain& domain, const core::StateId& state, bool at_rest) override;
  void hurry(const core::Domain& domain) override;
  void halt(const core::Domain& domain) override;
  void swap(const core::Domain& domain) override;
  void discard(const core::Domain& domain) override;

 private:
  /// What one of a domain's twins goes back to.
  struct Saved {
    int id = -1;  ///< of the QEMU that holds it, LibvirtHypervisor::id_of
    core::StateId state;
    std::string note;
    nlohmann::json nodes;            ///< of the block layer, that hold it
    std::vector<std::string> links;  ///< the host's ends of its network cards
    bool booted = false;             ///< in this QEMU, with a kernel of the host's
    bool halted = false;             ///< it must be told to go on
  };

  std::string shape(const core::Domain& domain);
  nlohmann::json try_to_save(const core::Domain& domain, virDomainPtr handle, bool spilled);
  std::vector<std::filesystem::path> files_to_keep(const Twin& twin);
  std::string load(const Twin& twin, bool on_network);
  Restored restore(const Twin& twin, const core::StateId& state, LibvirtHypervisor::Start how);
  void silence(const Twin& twin);
  std::optional<Saved> saved(const Twin& twin);
  void change(const Twin& twin, const std::function<void(Saved&)>& change);

  LibvirtHypervisor& hypervisor_;
  StateStore& store_;
  std::string login_;
  std::string versions_;
  std::mutex mutex_;
  std::map<std::string, Saved> saved_;  ///< by libvirt's name; guarded by mutex_
};

}  // namespace kvmtest::libvirt
