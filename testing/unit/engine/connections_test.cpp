#include "engine/connections.h"

#include <gtest/gtest.h>

namespace kvmtest::engine {
namespace {

const core::Domain east{core::Prefix{"a."}, core::Host{"east"}};
const core::Domain west{core::Prefix{"a."}, core::Host{"west"}};

TEST(ConnectionsTest, AllOfADomainEndWithIt) {
  Connections connections;
  int cut = 0;
  const auto one = connections.add(
      east, [&] { ++cut; }, true);
  auto other = connections.add(
      east, [&] { ++cut; }, true);
  const auto wests = connections.add(
      west, [&] { cut += 10; }, true);
  connections.cut(east);
  EXPECT_EQ(cut, 2);
  other.reset();
  connections.cut(east);
  EXPECT_EQ(cut, 3) << "one that has gone is not told";
  connections.cut({core::Prefix{"b."}, core::Host{"east"}});
  EXPECT_EQ(cut, 3);
}

TEST(ConnectionsTest, APrefixIsConnectedWhileThereIsOne) {
  Connections connections;
  EXPECT_FALSE(connections.any(core::Prefix{"a."}));
  const auto own = connections.add(
      east, [] {}, false);
  EXPECT_FALSE(connections.any(core::Prefix{"a."})) << "the daemon's own";
  auto one = connections.add(
      east, [] {}, true);
  EXPECT_TRUE(connections.any(core::Prefix{"a."}));
  EXPECT_FALSE(connections.any(core::Prefix{"b."}));
  one.reset();
  EXPECT_FALSE(connections.any(core::Prefix{"a."}));
}

}  // namespace
}  // namespace kvmtest::engine
