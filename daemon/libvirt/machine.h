#pragma once
// One domain's two QEMUs: the one on the network and its spare (docs/adr/0012-spares.md). Here is decided what is done
// with them and in what order; what is known of them is in libvirt/twins.h, and nowhere else.
//
// No lock is held while libvirt or QEMU is asked for anything. libvirt tells of ends and stops on a thread of its own,
// which takes the same lock; and a spare goes back while its domain runs a test.

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/mutex.h"
#include "console/stream.h"
#include "core/ids.h"
#include "core/model.h"
#include "engine/hypervisor.h"
#include "engine/snapshots.h"
#include "libvirt/connection.h"
#include "libvirt/definitions.h"
#include "libvirt/monitor.h"
#include "libvirt/networks.h"
#include "libvirt/processors.h"
#include "libvirt/state_names.h"
#include "libvirt/state_store.h"
#include "libvirt/twins.h"
#include "process/processor_time.h"

namespace kvmtest::libvirt {

/// What the machines of one libvirt have in common.
struct Environment {
  const Connection& connection;
  const Definitions& definitions;
  const StateNames& names;
  StateStore& store;
  Monitor& monitor;
  Processors& processors;
  Within within;                                                      ///< null: where the daemon is
  std::function<void(const core::Domain&, const engine::End&)> lost;  ///< a domain ended by itself; any thread
};

/// The verbs from any thread, as their seams say: for one domain one of Hypervisor's or Snapshots' at a time, and one
/// of Spares' beside it. All throw engine::HostFault.
class Machine {
 public:
  using Restored = engine::Snapshots::Restored;

  /// `environment` outlives it. Nothing is started.
  Machine(const Environment& environment, core::Domain domain)
      : environment_(environment), domain_(std::move(domain)) {}
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // Of the one on the network: engine::Hypervisor's verbs. destroy() ends both.

  std::unique_ptr<console::Stream> start();
  std::unique_ptr<console::Stream> start_again();
  void destroy();
  void freeze();
  void thaw();
  process::ProcessorReading processors();
  engine::End how_it_ended();

  // Of the one on the network: engine::Snapshots' verbs (libvirt/machine_states.cpp).

  void save(const core::SavedStateId& state, const std::string& note);
  std::string load();
  /// A state that passed its checksums and that QEMU cannot use is dropped.
  Restored restore(const core::SavedStateId& state);
  /// Of one that has booted it is true: QEMU puts a kernel of the host's into the guest's memory again before each
  /// load.
  bool better_restored();
  void pause();

  // Of the other one: engine::Spares' verbs (libvirt/machine_states.cpp). Its cards are on their bridges all the time,
  // but down, as those of a paused domain are: then a bridge passes nothing, and the guest notices nothing.

  Restored take_back(const core::SavedStateId& state, bool at_rest);
  void hurry();
  void halt();
  void swap();
  void discard();

  // What libvirt and QEMU tell of either. Libvirt's thread.

  /// Why QEMU is about to end, in its own words.
  void ending(Twin twin, const std::string& reason) { twins_.ending(twin, reason); }
  /// VIR_DOMAIN_EVENT_STOPPED or VIR_DOMAIN_EVENT_CRASHED.
  void ended(Twin twin, int event, int detail);
  /// What QEMU said of a disk.
  void disk_failed(Twin twin, const DiskError& error);
  /// VIR_DOMAIN_EVENT_SUSPENDED. True: why, QEMU has to be asked, see look().
  bool suspended(Twin twin, int detail);
  /// It does not answer, and is about to be destroyed. Any thread.
  void silent(Twin twin, const std::string& words);
  /// Finds out why it stands still. Any thread but libvirt's, which must not wait for QEMU.
  void look(Twin twin, virDomainPtr handle);

 private:
  enum class Start {
    cold,            ///< on new files
    again,           ///< on the files as the last guest left them
    saved,           ///< to be loaded with a saved state; its files are there
    saved_and_apart  ///< the same, with its network cards on their bridges, but down
  };
  /// What is left of a domain that is of no use any more.
  enum class Left {
    nothing,
    nothing_as_wanted,  ///< somebody destroyed it
    all                 ///< it stands still for ever
  };

  [[nodiscard]] std::string name(Twin twin) const { return name_of(domain_, twin); }
  [[nodiscard]] DomainHandle find(Twin twin) const { return environment_.connection.find(name(twin)); }
  [[nodiscard]] bool is_on(Twin twin) const { return environment_.connection.id_of(name(twin)) >= 0; }
  [[nodiscard]] std::vector<LiveFile> live_files(Twin twin) const;

  [[nodiscard]] std::shared_ptr<void> among_networks() const { return go_within(environment_.within, domain_.prefix); }
  std::unique_ptr<console::Stream> start_paused(Twin twin, Start how);
  DomainHandle create(Twin twin, Start how);
  DomainHandle create_from(Twin twin, const std::string& xml);
  void resume(Twin twin);
  void power_off(Twin twin);
  void useless(Twin twin, const engine::End& end, Left left);
  void set_modest(Twin twin, bool modest);

  nlohmann::json save_memory(Twin twin, virDomainPtr handle, const std::vector<LiveFile>& files, bool spilled);
  nlohmann::json save_stopped(Twin twin, virDomainPtr handle, const std::vector<LiveFile>& files);
  std::vector<std::filesystem::path> files_to_keep(Twin twin, const std::vector<LiveFile>& files) const;
  std::string load(Twin twin, bool on_network);
  Restored restore(Twin twin, const core::SavedStateId& state, Start how);
  void silence(Twin twin);
  void go_on(Twin twin, virDomainPtr handle);
  std::optional<Saved> saved(Twin twin);

  const Environment& environment_;
  const core::Domain domain_;
  Twins twins_;
  base::Mutex gauge_mutex_;
  std::array<process::ProcessorGauge, 2> gauges_ GUARDED_BY(gauge_mutex_);  ///< of the first and the second
};

}  // namespace kvmtest::libvirt
