#include "judge/diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "judge/judgement.h"

namespace kvmtest::judge {
namespace {

namespace fs = std::filesystem;

using Same = std::function<bool(std::size_t, std::size_t)>;

std::vector<std::pair<std::size_t, std::size_t>> common(std::size_t a, std::size_t b, const Same& same) {
  Effort effort;
  return judge::common(a, b, same, effort);
}

std::string unified_diff(std::string_view before, std::string_view after, std::string_view path) {
  Effort effort;
  return judge::unified_diff(before, after, path, effort);
}

TEST(Common, FindsTheLongestCommonSubsequence) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<int> a(random() % 12);
    std::vector<int> b(random() % 12);
    for (int& x : a) x = static_cast<int>(random() % 4);
    for (int& x : b) x = static_cast<int>(random() % 4);
    // Not an equivalence, as patterns are not: 0 matches everything.
    const auto same = [&](std::size_t i, std::size_t j) { return a[i] == 0 || a[i] == b[j]; };
    std::vector<std::vector<std::size_t>> best(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = a.size(); i-- > 0;) {
      for (std::size_t j = b.size(); j-- > 0;) {
        best[i][j] = std::max({best[i + 1][j], best[i][j + 1], same(i, j) ? best[i + 1][j + 1] + 1 : 0});
      }
    }
    const auto pairs = common(a.size(), b.size(), same);
    EXPECT_EQ(pairs.size(), best[0][0]) << "round " << round;
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      EXPECT_TRUE(same(pairs[k].first, pairs[k].second));
      EXPECT_TRUE(k == 0 || (pairs[k - 1].first < pairs[k].first && pairs[k - 1].second < pairs[k].second));
    }
  }
}

TEST(Common, AFewLinesAreFoundAmongVeryMany) {
  const std::size_t many = 50'000;
  const auto pairs = common(3, many, [](std::size_t i, std::size_t j) { return j == 10'000 * (i + 1); });
  EXPECT_EQ(pairs.size(), 3U);
}

TEST(Common, IsBoundedWhateverComes) {
  const std::size_t many = 1'000'000;
  std::size_t comparisons = 0;
  const auto pairs = common(many, many, [&](std::size_t i, std::size_t j) {
    ++comparisons;
    return i == j && (i < 10 || i >= 999'990);
  });
  EXPECT_EQ(pairs.size(), 20U);
  EXPECT_LT(comparisons, 1'000'000U);
}

TEST(UnifiedDiff, IsEmptyForEqualTexts) { EXPECT_EQ(unified_diff("a\n", "a\n", "f"), ""); }

TEST(UnifiedDiff, HasThreeLinesOfContext) {
  EXPECT_EQ(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n", "dir/f"),
            "--- a/dir/f\n+++ b/dir/f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(UnifiedDiff, SplitsWhereChangesAreFarApart) {
  const std::string before = "a\n1\n2\n3\n4\n5\n6\n7\nb\n";
  EXPECT_EQ(unified_diff(before, "A\n1\n2\n3\n4\n5\n6\n7\nB\n", "/f"),
            "--- a/f\n+++ b/f\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
  EXPECT_EQ(unified_diff("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n", "f"),
            "--- a/f\n+++ b/f\n@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
}

TEST(UnifiedDiff, MarksAMissingNewline) {
  EXPECT_EQ(unified_diff("a\nb", "a\nb\n", "f"),
            "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
  EXPECT_EQ(unified_diff("", "x\n", "f"), "--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+x\n");
  EXPECT_EQ(unified_diff("x\n", "", "f"), "--- a/f\n+++ b/f\n@@ -1 +0,0 @@\n-x\n");
}

TEST(UnifiedDiff, PatchAppliesIt) {
  if (std::system("patch --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no patch here";
  const fs::path directory = fs::path(testing::TempDir()) / "kvmtest-diff-patch";
  std::mt19937 random(11);
  const auto text = [&] {
    std::string out;
    for (auto lines = random() % 40; lines > 0; --lines)
      out += std::string(1, static_cast<char>('a' + random() % 4)) + "\n";
    if (random() % 3 == 0) out += "end";
    return out;
  };
  for (int round = 0; round < 60; ++round) {
    fs::remove_all(directory);
    fs::create_directories(directory / "dir");
    const std::string before = text() + "x\n";  // patch removes a file that becomes empty
    const std::string after = text() + "y\n";
    std::ofstream(directory / "dir/f", std::ios::binary) << before;
    std::ofstream(directory / "diff", std::ios::binary) << unified_diff(before, after, "dir/f");
    const std::string command = "cd '" + directory.string() + "' && patch -s -p1 <diff";
    ASSERT_EQ(std::system(command.c_str()), 0) << "round " << round;
    std::ifstream stream(directory / "dir/f", std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stream), {}), after) << "round " << round;
  }
  fs::remove_all(directory);
}

TEST(Verdicts, FoldAsTheIssuesSay) {
  using core::Verdict;
  EXPECT_EQ(fold({}), Verdict::passed);
  EXPECT_EQ(fold({{"east", issue::output_different, ""}}), Verdict::failed);
  EXPECT_EQ(fold({{"east", issue::timeout, ""}}), Verdict::failed);
  EXPECT_EQ(fold({{"east", issue::panic, ""}}), Verdict::failed);
  EXPECT_EQ(fold({{"east", issue::eof, ""}, {"west", issue::output_different, ""}}), Verdict::unresolved);
  EXPECT_EQ(fold({{"east", issue::unsupported, ""}}), Verdict::unsupported);
  EXPECT_EQ(fold({{"east", issue::unsupported, ""}, {"west", issue::status_different, ""}}), Verdict::failed);
}

}  // namespace
}  // namespace kvmtest::judge
