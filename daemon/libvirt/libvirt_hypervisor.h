#pragma once
// Domains through libvirt: the embedded QEMU driver by default, any other libvirt by its URI. What one domain does is
// its machine's business (libvirt/machine.h); this finds it.
//
// Invariants: a domain of another libvirt than the embedded one is never started, destroyed or undefined while its
// metadata does not name our state directory; a bridge that kvmtest did not make, or that is in use elsewhere, is never
// removed.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/state_directory.h"
#include "domains/templates.h"
#include "engine/hypervisor.h"
#include "libvirt/accelerator.h"
#include "libvirt/connection.h"
#include "libvirt/definitions.h"
#include "libvirt/events.h"
#include "libvirt/installer.h"
#include "libvirt/machines.h"
#include "libvirt/monitor.h"
#include "libvirt/networks.h"
#include "libvirt/processors.h"
#include "libvirt/reached_domains.h"
#include "libvirt/state_names.h"
#include "libvirt/state_store.h"

namespace kvmtest::libvirt {

using domains::Substitutions;
using domains::Templates;

struct Options {
  std::string uri;                 ///< empty: embedded, under `root`
  base::StateDirectory state_dir;  ///< absolute, exists; also names us as owner
  std::filesystem::path root{};    ///< of the embedded driver; empty: the state directory's
  QemuUsers users{};
  Acceleration acceleration = Acceleration::automatic;
  Substitutions with;                                                 ///< `type` is filled in here
  std::string login;                                                  ///< see StateNames
  std::function<void(const std::string&)> notice;                     ///< a line for the user; any thread
  std::function<void(const core::Domain&, const engine::End&)> lost;  ///< a domain ended by itself; any thread
  Within within{};                                                    ///< of the embedded driver
  domains::Reach reach{};                                             ///< of the embedded driver
  /// Takes the names of a prefix' hosts, as lines of /etc/hosts; null: nobody. Any thread.
  std::function<void(const core::Prefix&, const std::string&)> names{};
};

/// Any thread, as the seam says.
class LibvirtHypervisor final : public engine::Hypervisor {
 public:
  /// Connects, decides the accelerator, and destroys domains of ours that a dead daemon left running.
  /// Domains' live files go into `store`. Throws engine::HostFault, core::InputError.
  LibvirtHypervisor(Templates templates, StateStore& store, Options options);

  void install(const core::Prefix& prefix) override;
  void uninstall(const core::Prefix& prefix) override;
  std::unique_ptr<console::Stream> start(const core::Domain& domain) override;
  std::unique_ptr<console::Stream> start_again(const core::Domain& domain) override;
  void destroy(const core::Domain& domain) override;
  void freeze(const core::Domain& domain) override;
  void thaw(const core::Domain& domain) override;
  process::ProcessorReading processors_of(const core::Domain& domain) override;
  engine::End end_of(const core::Domain& domain) override;
  Description describe() override;

  /// Options::within.
  [[nodiscard]] const Within& within() const { return reached_.within(); }
  [[nodiscard]] const StateNames& state_names() const { return names_; }
  [[nodiscard]] engine::Ways& ways() { return reached_; }
  [[nodiscard]] Machines& machines() { return machines_; }

 private:
  static Definitions define_with(const Connection& connection, const StateStore& store, Templates templates,
                                 const Options& options);

  Connection connection_;
  Definitions definitions_;
  Installer installer_;
  StateNames names_;
  Monitor monitor_;
  Processors processors_;
  Machines machines_;
  ReachedDomains reached_;
  const std::function<void(const core::Prefix&, const std::string&)> names_of_hosts_;
  const bool apart_;  ///< QEMUs run as users of their own, where they can
  const std::function<void(const std::string&)> notice_;
  Events events_;  ///< the last: nothing is told any more when the rest goes
};

}  // namespace kvmtest::libvirt
