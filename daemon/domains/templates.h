#pragma once
// Domain templates: libvirt XML with @@NAME@@ placeholders, one file a host, in a directory of the user's choice; or
// domains that are described already (domains/ready_domains.h).

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/ids.h"
#include "domains/ready_domains.h"

namespace kvmtest::domains {

/// Who a domain belongs to, as written into its metadata.
struct Owner {
  std::filesystem::path state_dir;  ///< absolute; what tells one owner from another
  std::string prefix;
  std::string host;
};

/// What fills the placeholders besides PREFIX, HOST and DOMAIN.
struct Substitutions {
  std::string type;  ///< TYPE: "kvm" or "qemu"
  std::filesystem::path kernel, initrd, image, state_dir;
  unsigned memory_mib = 0;
  std::function<unsigned(const core::Prefix&)> prefix_number{};       ///< PREFIX_NUMBER; null: 0
  std::function<std::filesystem::path(const core::Prefix&)> share{};  ///< SHARE; null: empty
  bool management = true;  ///< templates keep their cards on the network of that name (domains/reach.h)
};

/// Immutable after construction; any thread.
class Templates {
 public:
  /// Reads every *.xml of `directory`; the stem is the host. Throws core::InputError for a directory without templates,
  /// an unreadable file, malformed XML, an unknown placeholder, or a template without a serial console.
  explicit Templates(const std::filesystem::path& directory) : Templates(directory, {}) {}
  /// The same; with `ready`, not empty, the domains that are described there instead. Throws what read_ready_domains
  /// does.
  Templates(const std::filesystem::path& directory, const std::filesystem::path& ready);

  [[nodiscard]] const std::set<std::string>& hosts() const { return hosts_; }
  /// The networks, without prefix, that the templates' interfaces are on; sorted. None of domains that are described
  /// already: theirs have names of their own.
  [[nodiscard]] std::vector<std::string> networks() const;
  /// The networks that a prefix's domains are on, by their whole names; sorted.
  [[nodiscard]] std::vector<std::string> networks_of(const core::Prefix& prefix, const Substitutions& with = {}) const;
  /// Whether the domains are described already; then their networks may be there as well.
  [[nodiscard]] bool ready_made() const { return !ready_.empty(); }
  /// The domain of that host that has a description, whatever its prefix; for what is the same in all.
  [[nodiscard]] core::Domain sample(const std::string& host) const;
  /// Throws core::InputError for a prefix without domains.
  void check_prefixes(const std::vector<std::string>& prefixes) const;
  /// The domain that `name` means, which must be a prefix and a known host; the longest host wins. Throws InputError.
  [[nodiscard]] core::Domain parse_domain(const std::string& name) const;

  /// libvirt XML of a domain, with its name, its owner's mark in the metadata and, when not empty, `uuid`. An image
  /// that the template does not place is its disk vda.
  [[nodiscard]] std::string render(const core::Domain& domain, const Substitutions& with,
                                   const std::string& uuid) const;
  /// The same as render, but on libvirt networks of the bridges' names instead of the bridges themselves.
  [[nodiscard]] static std::string on_networks(const std::string& domain_xml);
  /// The same as render, but without interfaces and under this name.
  [[nodiscard]] static std::string alone(const std::string& domain_xml, const std::string& name);
  /// The same as render, with virtio network cards that do not tell all their neighbours that they moved when the
  /// domain goes back to a saved state: QEMU takes that for the end of a migration.
  [[nodiscard]] static std::string without_announcements(const std::string& domain_xml);
  /// The same as a domain's XML, but with its first console on a socket, where it is on a pseudo-terminal: QEMU looks
  /// only once a second whether somebody has opened one of those, and is deaf until then.
  [[nodiscard]] static std::string with_socket_console(const std::string& domain_xml, const std::string& socket);
  /// The socket on which the first console of a running domain's XML is; empty: none.
  [[nodiscard]] static std::string console_socket(const std::string& domain_xml);
  /// The same as render under another name.
  [[nodiscard]] static std::string named(const std::string& domain_xml, const std::string& name);
  /// The same as a domain's XML, but without a kernel of the host's, and ending when its guest reboots, if it had one.
  /// A domain that goes back to a saved state needs none, and QEMU would put all of it into the guest's memory again
  /// each time, just to overwrite it.
  [[nodiscard]] static std::string without_kernel(const std::string& domain_xml);
  /// The same as render under another name and `uuid` (empty: one that libvirt chooses), with its network cards on no
  /// bridge. Nothing where a card is of a kind that cannot be put on its bridge later, or where the domain has a port,
  /// a socket or a vsock address of the host's, which two cannot have.
  [[nodiscard]] static std::optional<std::string> unconnected(const std::string& domain_xml, const std::string& name,
                                                              const std::string& uuid);
  /// Whether any template has @@`placeholder`@@.
  [[nodiscard]] bool uses(const std::string& placeholder) const;
  /// The template's file.
  [[nodiscard]] const std::filesystem::path& file(const core::Domain& domain) const;

 private:
  void read_templates(const std::filesystem::path& directory);
  [[nodiscard]] std::string filled(const core::Domain& domain, const Substitutions& with) const;

  std::set<std::string> hosts_;
  std::map<core::Domain, ReadyDomain> ready_;
  std::map<std::string, std::string> texts_;
  std::map<std::string, std::filesystem::path> files_;
};

/// XML of the owner's mark, and back; nothing where there is none.
std::string owner_mark(const Owner& owner);
std::optional<Owner> owner_from(const std::string& domain_xml);

/// Namespace of the owner's mark.
inline constexpr const char* owner_namespace = "https://kvmtest.invalid/owner/1";

/// Bytes of memory that a rendered domain is given.
std::uint64_t memory_of(const std::string& domain_xml);

/// Whether the domain is booted by a kernel of the host's.
bool has_kernel(const std::string& domain_xml);

/// The host's ends of a running domain's network cards.
std::vector<std::string> links_of(const std::string& domain_xml);

/// The bridges that a rendered domain's interfaces are on.
std::vector<std::string> bridges_of(const std::string& domain_xml);

}  // namespace kvmtest::domains
