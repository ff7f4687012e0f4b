#include "suite/kernel.h"

#include <gtest/gtest.h>

namespace kvmtest::suite {
namespace {

using namespace std::chrono_literals;

KernelLine line(std::int64_t stamp, std::string text, int level = 4) { return {1s, stamp, level, std::move(text)}; }

TEST(KernelIssues, AReportIsOne) {
  Execution execution;
  execution.kernel["east"] = {line(5'000'000, "------------[ cut here ]------------"),
                              line(5'000'010, "WARNING: CPU: 0 PID: 1 at net/core/dev.c:1 dev_example+0x1/0x2"),
                              line(5'000'020, "Call Trace:"), line(5'000'030, "---[ end trace 0 ]---")};
  const auto issues = kernel_issues(execution);
  ASSERT_EQ(issues.size(), 1U);
  EXPECT_EQ(issues[0].host, "east");
  EXPECT_EQ(issues[0].name, "kernel-warning");
  EXPECT_EQ(issues[0].detail, "WARNING: CPU: 0 PID: 1 at net/core/dev.c:1 dev_example+0x1/0x2");
}

TEST(KernelIssues, ACallTraceAloneCounts) {
  Execution execution;
  execution.kernel["west"] = {line(5'000'000, "task:foo state:D"), line(5'000'020, "Call Trace:")};
  ASSERT_EQ(kernel_issues(execution).size(), 1U);
  EXPECT_EQ(kernel_issues(execution)[0].detail, "call trace: Call Trace:");
  execution.kernel["west"].insert(execution.kernel["west"].begin(), line(1'000'000, "WARNING: long ago"));
  EXPECT_EQ(kernel_issues(execution).size(), 2U);
}

TEST(KernelIssues, ManyOfAKindAreCounted) {
  Execution execution;
  for (int i = 0; i < 10; ++i)
    execution.kernel["east"].push_back(line(i * 10'000'000, "BUG: of number " + std::to_string(i)));
  const auto issues = kernel_issues(execution);
  ASSERT_EQ(issues.size(), 3U);
  EXPECT_EQ(issues[2].detail, "BUG: of number 2 (and 7 more)");
}

TEST(KernelIssues, WhatIsOnlyInformationIsNone) {
  Execution execution;
  execution.kernel["east"] = {line(1, "WARNING: of a program", 5), line(2, "BUG: x", 6)};
  EXPECT_TRUE(kernel_issues(execution).empty());
  execution.kernel["east"][0].level = -1;  // the console does not tell
  EXPECT_EQ(kernel_issues(execution).size(), 1U);
}

TEST(KernelIssues, DetailsAreOnePrintableLine) {
  Execution execution;
  execution.kernel["east"] = {line(1, "WARNING: \x1b[1m" + std::string(1000, 'x'))};
  const auto issues = kernel_issues(execution);
  ASSERT_EQ(issues.size(), 1U);
  EXPECT_EQ(issues[0].detail.find('\x1b'), std::string::npos);
  EXPECT_LT(issues[0].detail.size(), 300U);
}

TEST(AsPrinted, MessagesStandWhereTheyCame) {
  StepResult result;
  result.output = "port 1\n";
  result.kernel = {{0, "[1.000000] a\r\n"}, {2, "[2.000000] b\r\n"}, {7, "[3.000000] c\r\n"}, {99, "[4.000000] d\r\n"}};
  EXPECT_EQ(as_printed(result), "[1.000000] a\r\npo[2.000000] b\r\nrt 1\n[3.000000] c\r\n[4.000000] d\r\n");
  result.truncated = true;
  EXPECT_EQ(as_printed(result), "port 1\n");
}

TEST(KernelText, TellsTimesAndLevels) {
  EXPECT_EQ(kernel_text({{1500ms, 45'123'456, 4, "WARNING: x"}, {{}, 46'000'001, -1, "y"}}),
            "    +1.500 s [   45.123456] warning  WARNING: x\n"
            "             [   46.000001] -        y\n");
}

}  // namespace
}  // namespace kvmtest::suite
