#include "suite/libreswan/guests.h"

#include <algorithm>
#include <utility>

namespace kvmtest::suite::libreswan {

namespace {

/// Of each guest, nic's as well: attribute::platform has only those that matter.
constexpr std::string_view guest_platform = "guest-platform";

}  // namespace

std::string domain_host(const Guest& guest) { return guest.platform == linux_platform ? guest.host : guest.name; }

void take_guests(Test& test, const std::vector<Guest>& guests) {
  std::vector<std::string> names;
  std::vector<std::string> hosts;
  std::vector<std::string> platforms;
  std::vector<std::string> that_matter;
  for (const Guest& guest : guests) {
    test.hosts.push_back(domain_host(guest));
    names.push_back(guest.name);
    hosts.push_back(guest.host);
    platforms.push_back(guest.platform);
    // nic is a part of the network, and on linux always.
    if (guest.host != "nic") that_matter.push_back(guest.platform);
  }
  std::sort(that_matter.begin(), that_matter.end());
  that_matter.erase(std::unique(that_matter.begin(), that_matter.end()), that_matter.end());
  const auto add = [&](std::string_view name, std::vector<std::string> values) {
    test.attributes.push_back({std::string(name), std::move(values)});
  };
  add(attribute::platform, std::move(that_matter));
  add(attribute::guest, std::move(names));
  add(attribute::guest_host, std::move(hosts));
  add(guest_platform, std::move(platforms));
}

std::vector<Guest> guests_of(const Test& test) {
  const auto names = test.values(attribute::guest);
  const auto hosts = test.values(attribute::guest_host);
  const auto platforms = test.values(guest_platform);
  std::vector<Guest> guests;
  for (std::size_t i = 0; i < names.size(); ++i) guests.push_back({names[i], hosts.at(i), platforms.at(i)});
  return guests;
}

}  // namespace kvmtest::suite::libreswan
