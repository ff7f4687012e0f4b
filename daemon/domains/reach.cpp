#include "domains/reach.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "domains/xml_text.h"

namespace kvmtest::domains {
namespace {

/// On the network of its own, where nobody else is, hosts have an address by their cards, and the machine has this one.
/// A unique local prefix (RFC 4193); the letters after fd are "kvmtest".
constexpr const char* own_network = "fd6b:766d:7465:7374:";
constexpr const char* own_address = "fd6b:766d:7465:7374::1/64";

}  // namespace

std::string interface_address(const std::string& network, const std::string& mac) {
  constexpr std::size_t parts = 6;
  std::array<std::uint8_t, parts> bytes{};
  std::string_view rest = mac;
  for (std::uint8_t& byte : bytes) {
    const auto end = std::min(rest.find(':'), rest.size());
    const auto [last, error] = std::from_chars(rest.data(), rest.data() + end, byte, 16);
    if (error != std::errc() || last != rest.data() + end) return {};
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (!rest.empty()) return {};
  constexpr std::uint8_t universal = 2;
  return fmt::format("{}{:x}:{:x}:{:x}:{:x}", network, (bytes[0] ^ universal) << 8 | bytes[1], bytes[2] << 8 | 0xff,
                     0xfe << 8 | bytes[3], bytes[4] << 8 | bytes[5]);
}

std::string without_cards_on(const std::string& domain_xml, const std::string& bridge) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  auto devices = document.child("domain").child("devices");
  const auto is_there = [&](const pugi::xml_node& device) {
    return std::string_view(device.name()) == "interface" &&
           device.child("source").attribute("bridge").value() == bridge;
  };
  while (devices.remove_child(devices.find_child(is_there))) {
  }
  return text_of(document);
}

/// Domains that others described have networks of other names.
bool Reach::is_on(const core::Prefix& prefix, const std::string& bridge) const {
  return on() && (bridge == prefix.value + options_.network || bridge == options_.network);
}

std::vector<std::string> Reach::addresses_on(const core::Prefix& prefix, const std::string& bridge) const {
  if (!is_on(prefix, bridge)) return {};
  std::vector<std::string> addresses{"fe80::1/64"};
  if (!options_.alone) return addresses;
  if (apart()) addresses.emplace_back(own_address);
  if (!options_.address.empty()) addresses.push_back(options_.address);
  return addresses;
}

/// The domain's card on the network; nothing: it has none there.
std::optional<Reach::Card> Reach::card_of(const core::Domain& domain, const std::string& domain_xml) const {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  for (const auto& interface : document.child("domain").child("devices").children("interface"))
    if (const std::string bridge = interface.child("source").attribute("bridge").value(); is_on(domain.prefix, bridge))
      return Card{bridge, interface.child("mac").attribute("address").value()};
  return std::nullopt;
}

/// Empty: the host is not named, or others use such addresses, too.
std::string Reach::named_address(const core::Domain& domain) const {
  const auto named = options_.hosts.find(domain.host.value);
  return named != options_.hosts.end() && options_.alone ? named->second : std::string();
}

std::optional<Reach::Way> Reach::way_to(const core::Domain& domain, const std::string& domain_xml) const {
  const auto card = card_of(domain, domain_xml);
  if (!card) return std::nullopt;
  if (const std::string named = named_address(domain); !named.empty()) return Way{named, {}};
  const std::string address = interface_address("fe80::", card->mac);
  return address.empty() ? std::nullopt : std::optional(Way{address, card->bridge});
}

std::string Reach::address_of(const core::Domain& domain, const std::string& domain_xml) const {
  if (const std::string named = named_address(domain); !named.empty()) return named;
  const auto card = options_.alone && apart() ? card_of(domain, domain_xml) : std::nullopt;
  return card ? interface_address(own_network, card->mac) : std::string();
}

}  // namespace kvmtest::domains
