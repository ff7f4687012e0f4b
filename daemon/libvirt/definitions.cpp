#include "libvirt/definitions.h"

#include <string_view>
#include <utility>

#include <pugixml.hpp>

#include "core/input_error.h"
#include "engine/hypervisor.h"

namespace kvmtest::libvirt {

namespace fs = std::filesystem;
using core::InputError;
using engine::HostFault;

namespace {

Opened silent(Opened opened) {
  opened.xml = Templates::without_announcements(opened.xml);
  return opened;
}

}  // namespace

Definitions::Definitions(const Connection& connection, const StateStore& store, Templates templates, Substitutions with,
                         QemuUsers users)
    : connection_(connection),
      store_(store),
      templates_(std::move(templates)),
      with_(std::move(with)),
      users_(std::move(users)) {}

/// As it is described, for the user that its QEMUs run as.
Opened Definitions::opened(const core::Domain& domain, const std::string& uuid) const {
  const std::string xml = templates_.render(domain, with_, uuid);
  if (users_.first == 0 || !connection_.embedded()) return {xml};
  return open_to(xml, users_.first + with_.prefix_number(domain.prefix), users_);
}

std::string Definitions::described(const core::Domain& domain) const { return opened(domain, {}).xml; }

std::vector<LiveFile> Definitions::live_files(const core::Domain& domain, const std::string& name) const {
  std::vector<LiveFile> files;
  with_own_files(opened(domain, {}), domain, name, files);
  return files;
}

bool Definitions::stays_after_crash(const core::Domain& domain) const {
  try {
    pugi::xml_document document;
    document.load_string(described(domain).c_str());
    return std::string_view(document.child("domain").child("on_crash").text().get()) == "preserve";
  } catch (const InputError&) {
    return false;
  }
}

std::string Definitions::to_define(const core::Domain& domain, const std::string& uuid) const {
  const std::string name = domain.name();
  const std::string xml = run_with_own_files(silent(opened(domain, uuid)), domain, name);
  return connection_.embedded() ? with_console(xml, name) : Templates::on_networks(xml);
}

std::string Definitions::on_left_files(const core::Domain& domain, const std::string& name) const {
  Opened left = silent(opened(domain, {}));
  left.xml = Templates::named(left.xml, name);
  return with_console(run_with_own_files(left, domain, name), name);
}

std::string Definitions::apart(const core::Domain& domain, const std::string& name, const std::string& uuid) const {
  Opened restored = silent(opened(domain, {}));
  restored.xml = Templates::without_kernel(restored.xml);
  const auto xml = Templates::unconnected(run_with_own_files(restored, domain, name), name, uuid);
  if (!connection_.embedded() || !xml)
    throw HostFault(domain.name() + ": it has a network card, port or socket that its spare cannot have as well");
  return with_console(*xml, name);
}

std::string Definitions::alone(const core::Domain& domain, const std::string& name,
                               std::vector<LiveFile>& files) const {
  Opened single = opened(domain, {});
  single.xml = Templates::alone(single.xml, name);
  std::string xml = with_own_files(single, domain, name, files);
  if (single.user) xml = run_as(xml, *single.user, users_);
  return connection_.embedded() ? with_console(xml, name) : xml;
}

std::string Definitions::with_own_files(const Opened& opened, const core::Domain& domain, const std::string& name,
                                        std::vector<LiveFile>& files) const {
  Surroundings surroundings{store_.live_disks_of(name)};
  surroundings.owner = opened.user;
  if (!connection_.embedded())
    surroundings.volume = [this](const std::string& pool, const std::string& volume) {
      return connection_.path_of_volume(pool, volume);
    };
  try {
    return with_live_files(opened.xml, surroundings, files);
  } catch (const InputError& e) {
    throw InputError({templates_.file(domain)}, e.what());
  }
}

std::string Definitions::run_with_own_files(const Opened& opened, const core::Domain& domain,
                                            const std::string& name) const {
  std::vector<LiveFile> unused;
  const std::string xml = with_own_files(opened, domain, name, unused);
  return opened.user ? run_as(xml, *opened.user, users_) : xml;
}

/// With its console where nobody has to wait for it. Of the embedded libvirt only: another one may not put sockets
/// there.
std::string Definitions::with_console(const std::string& xml, const std::string& name) const {
  const fs::path socket = connection_.runtime_file(name + ".console");
  return socket.string().size() > longest_socket ? xml : Templates::with_socket_console(xml, socket);
}

}  // namespace kvmtest::libvirt
