#include "core/verdict.h"

#include <gtest/gtest.h>

namespace kvmtest::core {
namespace {

constexpr Verdict all[] = {Verdict::passed, Verdict::failed, Verdict::unresolved, Verdict::untested,
                           Verdict::unsupported};

TEST(Verdict, WordsThereAndBack) {
  for (const Verdict verdict : all) EXPECT_EQ(verdict_from(to_string(verdict)), verdict);
  EXPECT_EQ(to_string(Verdict::unresolved), "unresolved");
  EXPECT_EQ(verdict_from("Passed"), std::nullopt);
  EXPECT_EQ(verdict_from(""), std::nullopt);
}

TEST(Verdict, TheWorseWins) {
  constexpr Verdict order[] = {Verdict::passed, Verdict::unsupported, Verdict::failed, Verdict::unresolved,
                               Verdict::untested};
  for (std::size_t i = 0; i < std::size(order); ++i)
    for (std::size_t j = 0; j < std::size(order); ++j)
      EXPECT_EQ(worse(order[i], order[j]), order[std::max(i, j)]) << i << " and " << j;
}

}  // namespace
}  // namespace kvmtest::core
