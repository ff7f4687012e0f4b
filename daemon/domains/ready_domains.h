#pragma once
// Domains that somebody else's set-up has described already: libvirt XML, a file a domain, called PREFIX PLATFORM HOST
// without blanks between ("a.netbsdrise"), while the domain in it is called PREFIX HOST ("a.rise").

#include <filesystem>
#include <map>
#include <string>

#include "core/ids.h"

namespace kvmtest::domains {

struct ReadyDomain {
  std::filesystem::path file;
  std::string xml;  ///< its networks as bridges of their names
};

/// Every such file of `directory`; others are none. A guest on linux is its host ("rise"), any other its platform and
/// host ("netbsdrise"), for the two may not be one domain. Throws core::InputError for a directory that has none or
/// cannot be read, a domain without a serial console, and prefixes that have different hosts.
std::map<core::Domain, ReadyDomain> read_ready_domains(const std::filesystem::path& directory);

/// The domain that a file of this name with a domain of this name describes. Pure.
core::Domain ready_domain(const std::string& file, const std::string& name);

}  // namespace kvmtest::domains
