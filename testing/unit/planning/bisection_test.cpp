#include "planning/bisection.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace kvmtest::planning {
namespace {

using Names = std::vector<std::string>;

Names among(std::size_t count) {
  Names names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

TEST(Bisection, FindsTheOneWhereverItIs) {
  for (const std::string& culprit : among(23)) {
    unsigned asked = 0;
    const Names found = bisect(among(23), [&](const Names& some) {
      ++asked;
      return contains(some, culprit);
    });
    EXPECT_EQ(found, Names{culprit});
    EXPECT_LE(asked, 10U);
  }
}

TEST(Bisection, TellsThoseThatBreakOnlyTogether) {
  EXPECT_EQ(bisect(among(8), [](const Names& some) { return contains(some, "4") && contains(some, "7"); }),
            (Names{"4", "5", "6", "7"}));
  EXPECT_EQ(bisect(among(2), [](const Names& some) { return some.size() == 2; }), among(2));
}

TEST(Bisection, NeedsNoTrialOfOneAlone) {
  EXPECT_EQ(bisect({"a"}, [](const Names&) -> bool { throw std::logic_error("asked"); }), Names{"a"});
}

}  // namespace
}  // namespace kvmtest::planning
