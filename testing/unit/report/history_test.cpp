#include "report/history.h"

#include <gtest/gtest.h>

namespace kvmtest::report {
namespace {

using core::RunId;
using core::Verdict;
using std::chrono::seconds;

constexpr Options narrow{.color = false, .width = 80};

TEST(HistoryText, ATestsVerdictsAreLinesWithBars) {
  TestHistory history{.name = "netlab/gre", .runs = {RunId(3), RunId(4), 2}, .passed = 1, .failed = 1};
  history.compared = history.changed = 1;
  history.median = history.least = seconds(1);
  history.most = seconds(4);
  const core::WallTime day{seconds(86400)};
  history.verdicts = {{RunId(4), day, Verdict::failed, 0, seconds(4), true, "east: TIMEOUT: \x1b[2J"},
                      {RunId(3), day, Verdict::passed, 1, seconds(1), false, ""}};
  EXPECT_EQ(history_text(history, narrow),
            "netlab/gre\n"
            "  in 2 runs, 3 to 4: 1 passed, 1 failed; the verdict changed 1 of 1 times while\n"
            "  test and guests stayed the same; median 1.00 s (1.00 s to 4.00 s)\n"
            "\n"
            "  run  started (UTC)     verdict                test\n"
            "    4  1970-01-02 00:00  failed               4.00 s  ################  test or guests changed  "
            "east: TIMEOUT: \\x1b[2J\n"
            "    3  1970-01-02 00:00  passed               1.00 s  ####  attempt 2\n");
}

TEST(HistoryText, LoadIsABarChart) {
  Load load{.runs = {RunId(1), RunId(9), 9}, .least_tests = 5, .rows = {}};
  load.rows = {{.workers = 1, .prefixes = 2, .runs = 4, .makespan = seconds(100), .failed = 1, .load = 1.5},
               {.workers = 4, .prefixes = 2, .runs = 5, .makespan = seconds(50), .failed = 2}};
  load.rows[1].automatic_workers = load.rows[1].automatic_prefixes = true;
  const std::string text = load_text(load, {.color = false, .width = 57});
  EXPECT_NE(text.find("     1 × 2      (4)    1 min 40.0 s  ####################\n"
                      "  auto × auto   (5)         50.00 s  ##########\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("          1.00 %  ##########\n"), std::string::npos) << text;
  EXPECT_NE(text.find("               -\n"), std::string::npos) << "no load was sampled\n" << text;
}

TEST(HistoryText, NothingIsSaidInOneWord) {
  EXPECT_NE(load_text({}, narrow).find("none"), std::string::npos);
  EXPECT_NE(flaky_text({}, narrow).find("none"), std::string::npos);
  EXPECT_NE(slowest_text({}, narrow).find("none"), std::string::npos);
}

TEST(HistoryText, FlakyTestsShowTheirNewestVerdictsThatFit) {
  Flaky flaky{.runs = {RunId(1), RunId(100), 100}, .tests = {}};
  flaky.tests = {
      {.name = "t", .runs = 100, .passed = 99, .compared = 99, .changed = 2, .verdicts = std::string(99, '.')}};
  flaky.tests[0].verdicts += 'F';
  const std::string text = flaky_text(flaky, narrow);
  EXPECT_NE(text.find("      2    99       0   99 %  t\n"), std::string::npos) << text;
  EXPECT_NE(text.find(std::string(31, ' ') + std::string(48, '.') + "F\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace kvmtest::report
