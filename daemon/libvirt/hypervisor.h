#pragma once
// Domains through libvirt: the embedded QEMU driver by default, any other libvirt by its URI.
//
// Invariants: a domain whose metadata does not name our state directory is never started, destroyed or undefined; a
// bridge whose alias does not name it is never removed.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/hypervisor.h"
#include "libvirt/accelerator.h"
#include "libvirt/connection.h"
#include "libvirt/definitions.h"
#include "libvirt/handles.h"
#include "libvirt/installer.h"
#include "libvirt/live_files.h"
#include "libvirt/processors.h"
#include "libvirt/qmp.h"
#include "libvirt/stand_still.h"
#include "libvirt/state_store.h"
#include "libvirt/templates.h"

namespace kvmtest::libvirt {

struct Options {
  std::string uri;                  ///< empty: embedded, under state_dir
  std::filesystem::path state_dir;  ///< absolute, exists; also names us as owner
  Acceleration acceleration = Acceleration::automatic;
  Substitutions with;                                                 ///< `type` is filled in here
  std::function<void(const std::string&)> notice;                     ///< a line for the user; any thread
  std::function<void(const core::Domain&, const engine::End&)> lost;  ///< a domain ended by itself; libvirt's thread
};

/// A domain is run by two libvirt domains, in turn: one of them is on the network, the other, where there is one, is
/// its spare (engine/spares.h). The first is defined, and is what boots; the second exists while it runs.
struct Twin {
  core::Domain domain;
  bool second = false;

  /// For libvirt. No domain of ours has such a name: a plus is in no prefix and in no host.
  [[nodiscard]] std::string name() const { return domain.name() + (second ? "+2" : ""); }
};

/// Any thread, as the seam says.
class LibvirtHypervisor final : public engine::Hypervisor {
 public:
  /// Connects, decides the accelerator, and destroys domains of ours that a dead daemon left running.
  /// Domains' live files go into `store`. Throws engine::HostFault, core::InputError.
  LibvirtHypervisor(Templates templates, StateStore& store, Options options);
  ~LibvirtHypervisor() override;

  void install(const core::Prefix& prefix) override;
  void uninstall(const core::Prefix& prefix) override;
  std::unique_ptr<console::Stream> start(const core::Domain& domain) override;
  std::unique_ptr<console::Stream> start_again(const core::Domain& domain) override;
  void destroy(const core::Domain& domain) override;
  engine::End end_of(const core::Domain& domain) override;
  Description describe() override;

  // For QemuSnapshots; they throw engine::HostFault.

  [[nodiscard]] const Connection& connection() const { return connection_; }
  [[nodiscard]] const Definitions& definitions() const { return definitions_; }
  Jobs& jobs() { return jobs_; }
  /// The one on the network, and the other one.
  Twin live(const core::Domain& domain);
  Twin spare(const core::Domain& domain);
  /// From now on the other one counts as the one on the network.
  void exchange(const core::Domain& domain);
  /// One that there is.
  DomainHandle find(const Twin& twin) { return connection_.find(twin.name()); }
  /// What it writes to.
  std::vector<LiveFile> live_files(const Twin& twin) { return definitions_.live_files(twin.domain, twin.name()); }
  /// Until let_go, it is no fault that it stands still: we stop it. Before it is stopped.
  void hold(const Twin& twin) { stand_still_.hold(twin.name()); }
  /// After it was told to go on.
  void let_go(const Twin& twin) { stand_still_.let_go(twin.name()); }
  /// See Connection::id_of.
  int id_of(const Twin& twin) { return connection_.id_of(twin.name()); }
  enum class Start {
    cold,            ///< on new files
    again,           ///< on the files as the last guest left them
    saved,           ///< to be loaded with a saved state; its files are there
    saved_and_apart  ///< the same, with its network cards on their bridges, but down
  };
  /// Starts one that is off, stopped before its first instruction, with its console open.
  std::unique_ptr<console::Stream> start_paused(const Twin& twin, Start how);
  /// Whether it leaves the processor to others that want it, as far as this process may decide that.
  void set_modest(const Twin& twin, bool modest);
  /// Takes the power of one of them away, and removes its live files.
  void power_off(const Twin& twin);

 private:
  DomainHandle start_again(const Twin& twin);
  DomainHandle start_apart(const Twin& twin);
  void resume(const Twin& twin);
  /// What is left of a domain that is of no use any more.
  enum class Left {
    nothing,
    nothing_as_wanted,  ///< somebody destroyed it
    all                 ///< it stands still for ever
  };
  void ended(const std::string& name, const engine::End& end, Left left);
  bool started(const std::string& name);
  bool stays_after_crash(const std::string& name) const;
  Twin twin_of(const std::string& name) const;
  static int on_lifecycle(virConnectPtr connect, virDomainPtr domain, int event, int detail, void* opaque);
  static void on_shutdown(virConnectPtr connect, virDomainPtr domain, const char* event, long long seconds,
                          unsigned int microseconds, const char* details, void* opaque);
  static void on_io_error(virConnectPtr connect, virDomainPtr domain, const char* path, const char* device, int action,
                          const char* reason, void* opaque);

  static Definitions define_with(const Connection& connection, const StateStore& store, Templates templates,
                                 const Options& options);

  StateStore& store_;
  std::function<void(const core::Domain&, const engine::End&)> lost_;
  Connection connection_;
  Definitions definitions_;
  Installer installer_;
  Processors processors_;
  Jobs jobs_;
  int callback_ = -1;
  int shutdown_callback_ = -1;
  int io_callback_ = -1;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::string, engine::End> ends_;       ///< by libvirt's name, since its last start; guarded by mutex_
  std::map<std::string, std::string> shutdowns_;  ///< QEMU's reasons, as ends_; guarded by mutex_
  /// By libvirt's name, of those that this process started; guarded by mutex_.
  std::map<std::string, std::function<void()>> close_console_;
  std::set<core::Domain> exchanged_;  ///< the second is on the network; guarded by mutex_
  StandStill stand_still_;
};

}  // namespace kvmtest::libvirt
