#include "domains/ready_domains.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>
#include <tuple>

#include <pugixml.hpp>

#include "core/input_error.h"
#include "domains/xml_text.h"

namespace kvmtest::domains {
namespace {

namespace fs = std::filesystem;
using core::InputError;

// Beside descriptions there are disk images: nothing of this size is a description.
constexpr std::uintmax_t largest_description = 1U << 20;

/// libvirt's networks are not there in the embedded driver; a bridge of the same name is, and Templates::on_networks
/// leads back.
void networks_to_bridges(pugi::xml_node domain) {
  for (auto interface : domain.child("devices").children("interface")) {
    if (std::string_view(interface.attribute("type").value()) != "network") continue;
    interface.attribute("type").set_value("bridge");
    auto source = interface.child("source");
    const std::string network = source.attribute("network").value();
    while (source.remove_attribute(source.first_attribute())) {
    }
    source.append_attribute("bridge").set_value(network.c_str());
  }
}

/// The outermost element of a domain's description; null: the file is none.
pugi::xml_node domain_of(pugi::xml_document& document, const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error) || fs::file_size(file, error) > largest_description || error) return {};
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  if (!document.load_string(text.str().c_str())) return {};
  return document.child("domain");
}

void check_prefixes_agree(const fs::path& directory, const std::map<core::Domain, ReadyDomain>& domains) {
  std::map<core::Prefix, std::set<core::Host>> hosts;
  for (const auto& [domain, ready] : domains) hosts[domain.prefix].insert(domain.host);
  const auto& [first, all] = *hosts.begin();
  for (const auto& [prefix, own] : hosts) {
    for (const auto& [a, b, of, in] :
         {std::tuple(&all, &own, &prefix, &first), std::tuple(&own, &all, &first, &prefix)}) {
      for (const core::Host& host : *a)
        if (!b->contains(host))
          throw InputError({directory}, "prefix '" + of->value + "' has no domain for " + host.value +
                                            ", and prefix '" + in->value +
                                            "' has one; all prefixes must have the same");
    }
  }
}

}  // namespace

core::Domain ready_domain(const std::string& file, const std::string& name) {
  std::size_t host = 0;  // length of the common end
  while (host < name.size() && host < file.size() && name[name.size() - 1 - host] == file[file.size() - 1 - host])
    ++host;
  // Without a platform, file and name are one, and the prefix ends with the last dot.
  if (host == name.size() && file == name) host = name.size() - (name.rfind('.') + 1);
  const std::string prefix = name.substr(0, name.size() - host);
  const std::string platform = file.substr(prefix.size(), file.size() - prefix.size() - host);
  const std::string plain = name.substr(name.size() - host);
  return {core::Prefix{prefix}, core::Host{platform.empty() || platform == "linux" ? plain : platform + plain}};
}

std::map<core::Domain, ReadyDomain> read_ready_domains(const fs::path& directory) {
  std::map<core::Domain, ReadyDomain> domains;
  std::error_code error;
  for (fs::directory_iterator it(directory, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    const fs::path& file = it->path();
    pugi::xml_document document;
    auto root = domain_of(document, file);
    const std::string name = root.child("name").text().get();
    const std::string file_name = file.filename();
    const bool prefix_agrees = !name.empty() && file_name.size() >= name.size();
    if (!prefix_agrees) continue;
    const core::Domain domain = ready_domain(file_name, name);
    if (!file_name.starts_with(domain.prefix.value) || domain.host.value.empty()) continue;
    const auto devices = root.child("devices");
    if (!devices.child("console") && !devices.child("serial"))
      throw InputError({file}, "this domain has no console: add <serial type='pty'/> to its <devices>");
    networks_to_bridges(root);
    domains[domain] = {file, text_of(document)};
  }
  if (error) throw InputError({directory}, "cannot read the directory of domains: " + error.message());
  if (domains.empty())
    throw InputError({directory}, "no domain is described here; a file is called PREFIX PLATFORM HOST, as a.linuxeast");
  check_prefixes_agree(directory, domains);
  return domains;
}

}  // namespace kvmtest::domains
