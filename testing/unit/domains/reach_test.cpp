#include "domains/reach.h"

#include <gtest/gtest.h>

namespace kvmtest::domains {
namespace {

const core::Domain east{core::Prefix{"a."}, core::Host{"east"}};

std::string domain_on(const std::string& bridge, const std::string& mac) {
  return "<domain><devices><interface type='bridge'><source bridge='a.192_1_2'/>"
         "<mac address='52:54:00:01:02:17'/></interface><interface type='bridge'><source bridge='" +
         bridge + "'/>" + (mac.empty() ? "" : "<mac address='" + mac + "'/>") + "</interface></devices></domain>";
}

TEST(Reach, ACardGivesItselfAnAddressByItsMacAddress) {
  EXPECT_EQ(interface_address("fe80::", "52:54:00:6b:76:17"), "fe80::5054:ff:fe6b:7617");
  EXPECT_EQ(interface_address("fe80::", "02:00:00:00:00:01"), "fe80::0:ff:fe00:1");
  for (const char* bad : {"", "52:54:00:6b:76", "52:54:00:6b:76:17:18", "52:54:00:6b:76:zz", "52:54:00:6b:76:170"})
    EXPECT_EQ(interface_address("fe80::", bad), "") << bad;
}

TEST(Reach, OverTheNetworkOfItsOwn) {
  const Reach reach({.network = "mgmt", .address = {}, .hosts = {}});
  const auto way = reach.way_to(east, domain_on("a.mgmt", "52:54:00:6b:76:17"));
  ASSERT_TRUE(way);
  EXPECT_EQ(way->address, "fe80::5054:ff:fe6b:7617");
  EXPECT_EQ(way->bridge, "a.mgmt");
  EXPECT_EQ(reach.address_of(east, domain_on("a.mgmt", "52:54:00:6b:76:17")), "fd6b:766d:7465:7374:5054:ff:fe6b:7617");
  EXPECT_FALSE(reach.way_to(east, domain_on("a.other", "52:54:00:6b:76:17"))) << "no card there";
  EXPECT_FALSE(reach.way_to(east, domain_on("b.mgmt", "52:54:00:6b:76:17"))) << "another prefix' network";
  EXPECT_FALSE(reach.way_to(east, domain_on("a.mgmt", ""))) << "libvirt chooses the MAC address";
  EXPECT_TRUE(reach.addresses_on(east.prefix, "a.192_1_2").empty()) << "silent on the tests' networks";
  EXPECT_EQ(reach.addresses_on(east.prefix, "a.mgmt").size(), 2U);
}

TEST(Reach, OverANetworkOfTheTests) {
  const Reach reach({.network = "192_1_2", .address = "192.1.2.253/24", .hosts = {{"east", "192.1.2.23"}}});
  const std::string xml = domain_on("a.other", "52:54:00:6b:76:17");
  const auto way = reach.way_to(east, xml);
  ASSERT_TRUE(way);
  EXPECT_EQ(way->address, "192.1.2.23");
  EXPECT_EQ(reach.address_of(east, xml), "192.1.2.23");
  const core::Domain west{core::Prefix{"a."}, core::Host{"west"}};
  EXPECT_EQ(reach.way_to(west, xml)->address, "fe80::5054:ff:fe01:217") << "not named";
  EXPECT_EQ(reach.address_of(west, xml), "");
  EXPECT_EQ(reach.addresses_on(east.prefix, "a.192_1_2"), (std::vector<std::string>{"fe80::1/64", "192.1.2.253/24"}));
}

TEST(Reach, WhereAllPrefixesShareANamespaceOnlyAddressesWithAScopeAreUnique) {
  const Reach reach(
      {.network = "192_1_2", .address = "192.1.2.253/24", .hosts = {{"east", "192.1.2.23"}}, .alone = false});
  const std::string xml = domain_on("a.other", "52:54:00:6b:76:17");
  EXPECT_EQ(reach.way_to(east, xml)->address, "fe80::5054:ff:fe01:217");
  EXPECT_EQ(reach.address_of(east, xml), "");
  EXPECT_EQ(reach.addresses_on(east.prefix, "a.192_1_2"), std::vector<std::string>{"fe80::1/64"});
}

TEST(Reach, OffThereIsNoWay) {
  const Reach reach;
  EXPECT_FALSE(reach.on());
  EXPECT_TRUE(reach.addresses_on(core::Prefix{""}, "").empty());
  EXPECT_FALSE(reach.way_to({core::Prefix{""}, core::Host{"east"}}, domain_on("", "52:54:00:6b:76:17")));
  const std::string without = without_cards_on(domain_on("a.mgmt", "52:54:00:6b:76:17"), "a.mgmt");
  EXPECT_EQ(without.find("mgmt"), std::string::npos) << without;
  EXPECT_NE(without.find("a.192_1_2"), std::string::npos) << without;
}

}  // namespace
}  // namespace kvmtest::domains
