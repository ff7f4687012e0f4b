#pragma once
// The connection to libvirt: its QEMU driver within this process by default (docs/adr/0001-embedded-libvirt.md), any
// other libvirt by its URI.
//
// Invariant: what is started, destroyed or undefined comes through find(), find_if_any() and find_to_replace(). These
// give only what is ours. All domains of the embedded driver are. Those of another libvirt name our state directory in
// their metadata.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/state_directory.h"
#include "libvirt/console_stream.h"
#include "libvirt/event_loop.h"
#include "libvirt/handles.h"

namespace kvmtest::libvirt {

/// Bytes that the path of a Unix socket may have (sun_path).
inline constexpr std::size_t longest_socket = 107;

/// Any thread, but for the constructor, the destructor and end_events(): those of whoever owns it.
class Connection {
 public:
  /// Starts libvirt's event loop and connects. `uri` empty: the embedded driver, under `state_dir`, which is absolute,
  /// exists, and names us as owner of domains. Destroys the domains of ours that a dead daemon left running, and tells
  /// a line for each. Throws engine::HostFault, and core::InputError where the state directory is too deep for QEMU's
  /// sockets or network bridges may not be made.
  /// `root`: of the embedded driver; empty: the one in the state directory.
  Connection(std::string uri, base::StateDirectory state_dir, std::filesystem::path root,
             const std::function<void(const std::string&)>& tell);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  /// The event loop ends before the connection closes.
  ~Connection();

  [[nodiscard]] virConnectPtr get() const { return connect_.get(); }
  /// Whether the driver is in this process, and the domains are nobody else's business.
  [[nodiscard]] bool embedded() const { return uri_.empty(); }
  /// As it was given.
  [[nodiscard]] const std::string& uri() const { return uri_; }
  [[nodiscard]] const base::StateDirectory& state_dir() const { return state_dir_; }
  /// A file of a domain that runs, such as its pid's; of the embedded driver.
  [[nodiscard]] std::filesystem::path runtime_file(const std::string& name) const { return root_ / "run/qemu" / name; }

  /// Of a domain's QEMU, while it runs; empty: it runs on a libvirt of which that is not known.
  [[nodiscard]] std::filesystem::path pid_file(const std::string& name) const;

  /// A domain by libvirt's name. Throws engine::HostFault when there is none, core::InputError when it is another's.
  [[nodiscard]] DomainHandle find(const std::string& name) const;
  /// The same; null when there is none.
  [[nodiscard]] DomainHandle find_if_any(const std::string& name) const;
  /// The same for whoever defines or removes it and has claimed its prefix. One that kvmtest made in another state
  /// directory is found as well, where claims are those of libvirt's own machine and the domain is off.
  [[nodiscard]] DomainHandle find_to_replace(const std::string& name) const;
  /// Libvirt's number of a domain's QEMU, another one for each start; -1: it is off, or there is no such domain.
  [[nodiscard]] int id_of(const std::string& name) const;

  /// The console of a running domain: on QEMU's socket, where it is on one, else through libvirt. Throws
  /// engine::HostFault.
  [[nodiscard]] std::unique_ptr<ConsoleStream> open_console(virDomainPtr domain) const;
  /// The path of a volume in one of libvirt's storage pools. Throws engine::HostFault.
  [[nodiscard]] std::string path_of_volume(const std::string& pool, const std::string& volume) const;

  /// No callback of libvirt's runs once it has returned. Not on libvirt's thread.
  void end_events() { loop_.reset(); }

 private:
  void destroy_leftovers(const std::function<void(const std::string&)>& tell) const;
  [[nodiscard]] DomainHandle lookup(const std::string& name, bool to_replace) const;

  std::string uri_;
  base::StateDirectory state_dir_;
  std::filesystem::path root_;
  std::optional<EventLoop> loop_;
  Connect connect_;
};

}  // namespace kvmtest::libvirt
