#include "libvirt/libvirt_hypervisor.h"

#include <utility>

#include <fmt/format.h>

#include "base/open_directory.h"
#include "base/state_directory.h"

namespace kvmtest::libvirt {

LibvirtHypervisor::LibvirtHypervisor(Templates templates, StateStore& store, Options options)
    : connection_(options.uri, options.state_dir, options.root, options.notice),
      definitions_(define_with(connection_, store, std::move(templates), options)),
      installer_(connection_, definitions_,
                 {connection_, definitions_.templates().ready_made(), options.within, options.reach}),
      names_(connection_, definitions_, options.login),
      monitor_(connection_.get(),
               [this](const std::string& name, const std::string& words) {
                 if (const auto found = machines_.named(name)) found->machine.silent(found->twin, words);
               }),
      processors_(definitions_.templates().hosts()),
      machines_(
          {connection_, definitions_, names_, store, monitor_, processors_, options.within, std::move(options.lost)}),
      reached_(definitions_, options.within, options.reach),
      names_of_hosts_(std::move(options.names)),
      apart_(options.users.first != 0),
      notice_(std::move(options.notice)),
      events_(connection_, machines_, monitor_) {}

Definitions LibvirtHypervisor::define_with(const Connection& connection, const StateStore& store, Templates templates,
                                           const Options& options) {
  Substitutions with = options.with;
  with.state_dir = options.state_dir;
  // QEMU wants to find it wherever a description that has it is used, a trial of KVM included.
  with.share = [state = base::StateDirectory(options.state_dir)](const core::Prefix& prefix) {
    return base::OpenDirectory::made(state.share(prefix)).path();
  };
  with.type = decide_accelerator(options.acceleration, connection, store, templates, with, options.notice);
  return {connection, store, std::move(templates), std::move(with), options.users};
}

void LibvirtHypervisor::install(const core::Prefix& prefix) {
  installer_.install(prefix);
  if (names_of_hosts_) names_of_hosts_(prefix, reached_.names_of(prefix));
  if (!apart_) return;
  for (const std::string& host : definitions_.templates().hosts())
    if (const auto why = definitions_.closed_to_its_user({prefix, core::Host{host}}); !why.empty())
      notice_(fmt::format("{}{}: QEMU runs with the daemon's rights: {}", prefix.value, host, why));
}

void LibvirtHypervisor::uninstall(const core::Prefix& prefix) {
  installer_.uninstall(prefix, [this](const core::Domain& domain) { destroy(domain); });
}

std::unique_ptr<console::Stream> LibvirtHypervisor::start(const core::Domain& domain) {
  return machines_.of(domain).start();
}

std::unique_ptr<console::Stream> LibvirtHypervisor::start_again(const core::Domain& domain) {
  return machines_.of(domain).start_again();
}

void LibvirtHypervisor::destroy(const core::Domain& domain) { machines_.of(domain).destroy(); }

void LibvirtHypervisor::freeze(const core::Domain& domain) { machines_.of(domain).freeze(); }

void LibvirtHypervisor::thaw(const core::Domain& domain) { machines_.of(domain).thaw(); }

process::ProcessorReading LibvirtHypervisor::processors_of(const core::Domain& domain) {
  return machines_.of(domain).processors();
}

engine::End LibvirtHypervisor::end_of(const core::Domain& domain) { return machines_.of(domain).how_it_ended(); }

LibvirtHypervisor::Description LibvirtHypervisor::describe() {
  return {connection_.embedded() ? "qemu:///embed" : connection_.uri(),
          definitions_.substitutions().type == "kvm" ? "kvm" : "emulated"};
}

}  // namespace kvmtest::libvirt
