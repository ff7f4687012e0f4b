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

#include "engine/hypervisor.h"
#include "libvirt/event_loop.h"
#include "libvirt/handles.h"
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
  /// Throws engine::HostFault, core::InputError.
  LibvirtHypervisor(Templates templates, Options options);
  ~LibvirtHypervisor() override;

  void install(const core::Prefix& prefix) override;
  void uninstall(const core::Prefix& prefix) override;
  std::unique_ptr<console::Stream> start(const core::Domain& domain) override;
  void destroy(const core::Domain& domain) override;
  engine::End end_of(const core::Domain& domain) override;
  Description describe() override;

 private:
  [[nodiscard]] bool embedded() const { return options_.uri.empty(); }
  void open();
  void destroy_leftovers();
  void decide_accelerator();
  bool prove_kvm();
  DomainHandle find_ours(const core::Domain& domain, bool must_exist);
  void define(const core::Domain& domain);
  void make_network(const std::string& name);
  void remove_network(const std::string& name);
  static int on_lifecycle(virConnectPtr connect, virDomainPtr domain, int event, int detail, void* opaque);

  Templates templates_;
  Options options_;
  EventLoop loop_;
  Connect connect_;
  int callback_ = -1;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::string, engine::End> ends_;  ///< by domain name, since its last start; guarded by mutex_
};

}  // namespace kvmtest::libvirt
