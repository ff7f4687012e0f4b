// Whom libvirt's names mean.

#include "libvirt/machines.h"

#include <fstream>

#include <gtest/gtest.h>

#include "../directory.h"

namespace kvmtest::libvirt {
namespace {

class NamedTwins : public ::testing::Test {
 protected:
  NamedTwins() {
    for (const char* host : {"east", "northeast"})
      std::ofstream(directory_.path() / (std::string(host) + ".xml"))
          << "<domain><name>@@DOMAIN@@</name><devices><serial type='pty'/></devices></domain>";
    templates_.emplace(directory_.path());
  }
  std::string read(const std::string& name) const {
    const auto found = named_twin(*templates_, name);
    if (!found) return "nobody";
    return found->domain.prefix.value + " " + found->domain.host.value + (found->twin == Twin::second ? " second" : "");
  }
  Directory directory_;
  std::optional<Templates> templates_;
};

TEST_F(NamedTwins, AreThoseOfTheTemplates) {
  EXPECT_EQ(read("a.east"), "a. east");
  EXPECT_EQ(read("a.east+2"), "a. east second");
  EXPECT_EQ(read("a.northeast+2"), "a. northeast second");
}

TEST_F(NamedTwins, AreNotSomebodyElses) {
  for (const char* name : {"windows", "a.west", "kvmtest-probe-17", "", "+2", "a.east+3", "a.east+", "a.east+2+2"})
    EXPECT_EQ(read(name), "nobody") << name;
}

}  // namespace
}  // namespace kvmtest::libvirt
