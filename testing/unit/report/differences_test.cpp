#include "report/differences.h"

#include <gtest/gtest.h>

namespace kvmtest::report {
namespace {

constexpr const char* diff =
    "--- a/netlab/gre.test\n"
    "+++ b/netlab/gre.test\n"
    "@@ -3,7 +3,7 @@\n"
    " \n"
    " east# echo one; echo two\n"
    " one\n"
    "-zwei\n"
    "+two\n"
    " three\n"
    "-vier\n"
    "+four\n"
    "@@ -20,2 +20,1 @@\n"
    " x\n"
    "-y\n";

TEST(FirstDifferences, BeginWithTheLineBeforeThem) {
  EXPECT_EQ(first_differences(diff, 3, 4, {}),
            "     one\n"
            "    -zwei\n"
            "    +two\n"
            "    (3 more differ)\n");
}

TEST(FirstDifferences, EndWithTheFirstPlaceThatDiffers) {
  EXPECT_EQ(first_differences(diff, 20, 0, {}), " one\n-zwei\n+two\n three\n-vier\n+four\n(1 more differ)\n");
}

TEST(FirstDifferences, OfNoDiffAreNone) {
  EXPECT_EQ(first_differences("", 5, 2, {}), "");
  EXPECT_EQ(first_differences("--- a\n+++ b\n", 5, 2, {}), "");
}

TEST(FirstDifferences, AreHarmlessAndNotEndless) {
  const std::string text =
      first_differences("@@ -1 +1 @@\n-a\x1b[2J\xff\n+" + std::string(10'000, 'x') + "\n", 5, 0, {});
  EXPECT_EQ(text, "-a\\x1b[2J\\xff\n+" + std::string(496, 'x') + "...\n");
}

TEST(FirstDifferences, AreColored) {
  EXPECT_EQ(first_differences("@@ -1 +1 @@\n-a\n+b\n", 5, 2, {true, 80}), "  \x1b[31m-a\x1b[0m\n  \x1b[32m+b\x1b[0m\n");
}

TEST(WholeDiff, IsColoredByLines) {
  EXPECT_EQ(whole_diff("--- a\n+++ b\n@@ -1,2 +1 @@\n x\n-- y\n+\tz\x1b\n--- c\n+++ c\n", {true, 80}),
            "\x1b[1m--- a\x1b[0m\n\x1b[1m+++ b\x1b[0m\n\x1b[36m@@ -1,2 +1 @@\x1b[0m\n x\n\x1b[31m-- y\x1b[0m\n"
            "\x1b[32m+\tz\\x1b\x1b[0m\n\x1b[1m--- c\x1b[0m\n\x1b[1m+++ c\x1b[0m\n");
}

}  // namespace
}  // namespace kvmtest::report
