#pragma once
// How the machine reaches domains beside their consoles: over one network, which is by default one that nothing else is
// on (docs/adr/0038-reach.md). Pure.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.h"

namespace kvmtest::domains {

/// The network that templates of ours have for that, without prefix.
inline constexpr const char* management_network = "mgmt";

/// Immutable; any thread.
class Reach {
 public:
  struct Options {
    std::string network;                       ///< without prefix; empty: domains are not reached
    std::string address;                       ///< of the machine on it, 192.1.2.253/24; empty: none of its own
    std::map<std::string, std::string> hosts;  ///< addresses of hosts on it, where a card's own will not do
    bool alone = true;                         ///< nobody else in the bridges' namespace uses those addresses
  };

  Reach() = default;
  explicit Reach(Options options) : options_(std::move(options)) {}

  [[nodiscard]] bool on() const { return !options_.network.empty(); }
  /// With what addresses the machine speaks on a network of the prefix; none: it is silent there.
  [[nodiscard]] std::vector<std::string> addresses_on(const core::Prefix& prefix, const std::string& bridge) const;

  /// Where a domain is.
  struct Way {
    std::string address;  ///< IPv4, or IPv6
    std::string bridge;   ///< whose scope the address is of, where it is link-local
  };
  /// The way to a domain of that XML; nothing: it has no card on the network.
  [[nodiscard]] std::optional<Way> way_to(const core::Domain& domain, const std::string& domain_xml) const;
  /// The same with an address that needs no scope, for names; empty: there is none.
  [[nodiscard]] std::string address_of(const core::Domain& domain, const std::string& domain_xml) const;

 private:
  struct Card {
    std::string bridge;
    std::string mac;  ///< empty: libvirt chooses one
  };
  [[nodiscard]] std::optional<Card> card_of(const core::Domain& domain, const std::string& domain_xml) const;
  [[nodiscard]] std::string named_address(const core::Domain& domain) const;
  [[nodiscard]] bool is_on(const core::Prefix& prefix, const std::string& bridge) const;
  [[nodiscard]] bool apart() const { return options_.network == management_network; }

  Options options_;
};

/// The IPv6 address that a card of that MAC address gives itself in a network of 64 bits, as in "fe80::" (RFC 4291,
/// appendix A); empty: it is no MAC address.
std::string interface_address(const std::string& network, const std::string& mac);

/// The same as a domain's XML without the cards that are on that bridge.
std::string without_cards_on(const std::string& domain_xml, const std::string& bridge);

}  // namespace kvmtest::domains
