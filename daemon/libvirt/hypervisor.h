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
#include <string>
#include <vector>

#include "engine/hypervisor.h"
#include "libvirt/disks.h"
#include "libvirt/event_loop.h"
#include "libvirt/handles.h"
#include "libvirt/qmp.h"
#include "libvirt/state_store.h"
#include "libvirt/templates.h"

namespace kvmtest::libvirt {

/// How domains are to be run: as proved, or as told.
enum class Acceleration { automatic, kvm, emulated };

struct Options {
  std::string uri;                  ///< empty: embedded, under state_dir
  std::filesystem::path state_dir;  ///< absolute, exists; also names us as owner
  Acceleration acceleration = Acceleration::automatic;
  Substitutions with;                                                 ///< `type` is filled in here
  std::function<void(const std::string&)> notice;                     ///< a line for the user; any thread
  std::function<void(const core::Domain&, const engine::End&)> lost;  ///< a domain ended by itself; libvirt's thread
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
  void destroy(const core::Domain& domain) override;
  engine::End end_of(const core::Domain& domain) override;
  Description describe() override;

  // For QemuSnapshots; they throw engine::HostFault.

  [[nodiscard]] virConnectPtr connection() const { return connect_.get(); }
  Jobs& jobs() { return *jobs_; }
  /// A domain of ours that is defined.
  DomainHandle find(const core::Domain& domain) { return find_ours(domain, true); }
  /// XML that the domain is defined by, on its disks' bases.
  std::string definition(const core::Domain& domain);
  /// Where the domain's disks lie.
  std::vector<Overlay> overlays(const core::Domain& domain);
  /// Starts a domain that is off, stopped before its first instruction, with its console open. `fresh`: on new
  /// overlays.
  std::unique_ptr<console::Stream> start_paused(const core::Domain& domain, bool fresh);

 private:
  [[nodiscard]] bool embedded() const { return options_.uri.empty(); }
  void open();
  void pin_emulator(const core::Domain& domain, virDomainPtr handle);
  void destroy_leftovers();
  void decide_accelerator();
  bool prove_kvm();
  DomainHandle find_ours(const core::Domain& domain, bool must_exist);
  void define(const core::Domain& domain);
  void make_network(const std::string& name);
  void remove_network(const std::string& name);
  static int on_lifecycle(virConnectPtr connect, virDomainPtr domain, int event, int detail, void* opaque);

  Templates templates_;
  StateStore& store_;
  Options options_;
  Connect connect_;
  std::unique_ptr<Jobs> jobs_;
  int callback_ = -1;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::string, engine::End> ends_;    ///< by domain name, since its last start; guarded by mutex_
  std::map<core::Prefix, std::size_t> turns_;  ///< of prefixes, as they first started a domain; guarded by mutex_
  EventLoop loop_;  ///< ends before the rest goes: a callback may be under way while it is deregistered
};

}  // namespace kvmtest::libvirt
