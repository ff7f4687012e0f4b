#include "core/ids.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace kvmtest::core {
namespace {

// Mixing two ids does not compile.
template <class A, class B>
concept comparable = requires(const A& a, const B& b) {
  a == b;
};
static_assert(comparable<Ticket, Ticket>);
static_assert(!comparable<Ticket, AttemptId>);
static_assert(!comparable<Prefix, Host>);
static_assert(!std::is_constructible_v<Ticket, AttemptId>);
static_assert(!std::is_convertible_v<std::uint64_t, Ticket>);
static_assert(!std::is_convertible_v<Ticket, std::uint64_t>);

TEST(Ids, ADomainIsNamedByPrefixAndHost) {
  EXPECT_EQ((Domain{Prefix{"a."}, Host{"east"}}).name(), "a.east");
  EXPECT_EQ((Domain{Prefix{""}, Host{"east"}}).name(), "east");
}

TEST(Ids, AreOrderedByValue) {
  EXPECT_LT(Ticket{1}, Ticket{2});
  EXPECT_LT((Domain{Prefix{"a."}, Host{"west"}}), (Domain{Prefix{"b."}, Host{"east"}}));
  EXPECT_EQ(Ticket{}, Ticket{0});
}

}  // namespace
}  // namespace kvmtest::core
