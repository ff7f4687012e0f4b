#pragma once
// What libvirt is told of a domain: its description, with files of its own in place of whatever it could write to
// (libvirt/live_files.h), in the form that each kind of start wants.

#include <optional>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/model.h"
#include "domains/templates.h"
#include "libvirt/connection.h"
#include "libvirt/live_files.h"
#include "libvirt/qemu_user.h"
#include "libvirt/state_store.h"

namespace kvmtest::libvirt {

using domains::Substitutions;
using domains::Templates;

/// Immutable; any thread. `name` is libvirt's name of the domain, which is not the domain's own where it is the second
/// of two (libvirt/twins.h). All throw core::InputError, one line that names the description, where it is at fault.
class Definitions {
 public:
  /// Domains' own files go into `store`.
  Definitions(const Connection& connection, const StateStore& store, Templates templates, Substitutions with,
              QemuUsers users = {});

  [[nodiscard]] const Templates& templates() const { return templates_; }
  [[nodiscard]] const Substitutions& substitutions() const { return with_; }

  /// The XML that the domain is described by, on its disks' bases.
  [[nodiscard]] std::string described(const core::Domain& domain) const;
  /// As whom its QEMUs run; nothing: as the daemon does.
  [[nodiscard]] std::optional<uid_t> user_of(const core::Domain& domain) const { return opened(domain, {}).user; }
  /// Why they run as the daemon does although there are other users; empty: they do not. One line.
  [[nodiscard]] std::string closed_to_its_user(const core::Domain& domain) const { return opened(domain, {}).closed; }
  /// What a domain of that name writes to.
  [[nodiscard]] std::vector<LiveFile> live_files(const core::Domain& domain, const std::string& name) const;
  /// Whether the description wants a domain whose guest crashed to stand there for somebody to look at. False for one
  /// that is at fault: libvirt's thread asks, and nothing may be thrown there.
  [[nodiscard]] bool stays_after_crash(const core::Domain& domain) const;

  /// To be defined under its own name, with that UUID; empty: one that libvirt chooses.
  [[nodiscard]] std::string to_define(const core::Domain& domain, const std::string& uuid) const;
  /// To be started on the files that the last guest of that name left. Of the embedded libvirt only.
  [[nodiscard]] std::string on_left_files(const core::Domain& domain, const std::string& name) const;
  /// To be loaded with a saved state, with network cards that are on no bridge. Throws engine::HostFault for a domain
  /// of which there cannot be two at once, and where libvirt is not embedded.
  [[nodiscard]] std::string apart(const core::Domain& domain, const std::string& name, const std::string& uuid) const;
  /// To be started without network, beside whatever else runs; `files` are those it has.
  [[nodiscard]] std::string alone(const core::Domain& domain, const std::string& name,
                                  std::vector<LiveFile>& files) const;

 private:
  [[nodiscard]] Opened opened(const core::Domain& domain, const std::string& uuid) const;
  std::string with_own_files(const Opened& opened, const core::Domain& domain, const std::string& name,
                             std::vector<LiveFile>& files) const;
  [[nodiscard]] std::string run_with_own_files(const Opened& opened, const core::Domain& domain,
                                               const std::string& name) const;
  [[nodiscard]] std::string with_console(const std::string& xml, const std::string& name) const;

  const Connection& connection_;
  const StateStore& store_;
  Templates templates_;
  Substitutions with_;
  QemuUsers users_;
};

}  // namespace kvmtest::libvirt
