#include "libvirt/installer.h"

#include <array>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/input_error.h"
#include "libvirt/domain_calls.h"

namespace kvmtest::libvirt {

namespace fs = std::filesystem;

Installer::Installer(const Connection& connection, const Definitions& definitions, Networks networks)
    : connection_(connection), definitions_(definitions), networks_(std::move(networks)) {}

void Installer::install(const core::Prefix& prefix) const {
  const Templates& templates = definitions_.templates();
  // Whatever is refused is refused before anything is made.
  for (const std::string& host : templates.hosts()) {
    const core::Domain domain{prefix, core::Host{host}};
    for (const LiveFile& file : definitions_.live_files(domain, domain.name())) check_base(file);
  }
  for (const std::string& network : templates.networks_of(prefix, definitions_.substitutions()))
    networks_.make(prefix, network);
  for (const std::string& host : templates.hosts()) define({prefix, core::Host{host}});
}

void Installer::define(const core::Domain& domain) const {
  const DomainHandle old = connection_.find_to_replace(domain.name());
  std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
  if (old) check(virDomainGetUUIDString(old.get(), uuid.data()), "UUID of " + domain.name());
  const std::string xml = definitions_.to_define(domain, uuid.data());
  const DomainHandle made(virDomainDefineXMLFlags(connection_.get(), xml.c_str(), VIR_DOMAIN_DEFINE_VALIDATE));
  if (!made)
    throw core::InputError({definitions_.templates().file(domain)}, "libvirt refuses this domain: " + last_error());
}

void Installer::uninstall(const core::Prefix& prefix,
                          const std::function<void(const core::Domain& domain)>& destroy) const {
  const Templates& templates = definitions_.templates();
  bool any = false;
  for (const std::string& host : templates.hosts()) {
    const core::Domain domain{prefix, core::Host{host}};
    const DomainHandle handle = connection_.find_to_replace(domain.name());
    if (!handle) continue;
    any = true;
    // One that was made elsewhere is off.
    if (connection_.embedded() || virDomainIsActive(handle.get()) != 0) destroy(domain);
    undefine(handle.get());
  }
  if (templates.uses("SHARE")) {
    std::error_code ignored;
    fs::remove_all(connection_.state_dir().share(prefix), ignored);
  }
  // A libvirt network carries no owner's mark; it is ours when the domains on it were.
  if (any || connection_.embedded())
    for (const std::string& network : templates.networks_of(prefix, definitions_.substitutions()))
      networks_.remove(prefix, network);
}

}  // namespace kvmtest::libvirt
