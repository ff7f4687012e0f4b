// What a guest's kernel said during an attempt, from its console and from its log.

#include "engine/kernel_talk.h"

#include <cstdio>
#include <memory>

#include <gtest/gtest.h>

#include "../console/fake_guest.h"

namespace kvmtest::engine {
namespace {

using namespace std::chrono_literals;
using console::KernelMessage;
using console::LoggedLines;

const std::chrono::steady_clock::time_point start{};

KernelMessage heard(std::chrono::milliseconds at, std::int64_t stamp, const std::string& text) {
  char head[32];
  std::snprintf(head, sizeof head, "[%5ld.%06ld] ", static_cast<long>(stamp / 1'000'000),
                static_cast<long>(stamp % 1'000'000));
  return {0, head + text + "\r\n", {stamp, -1, text}, start + at};
}

std::string shown(const std::vector<suite::KernelLine>& lines) {
  std::string out;
  for (const auto& line : lines)
    out += line.text + " " + std::to_string(line.level) + " " +
           (line.at ? std::to_string(line.at->count() / 1000) : "?") + "\n";
  return out;
}

TEST(KernelLines, ConsoleAndLogAreOne) {
  const LoggedLines log{{{5'000'000, 4, "both"}, {6'000'000, 3, "log alone"}}, true, 10'000'000, 0};
  EXPECT_EQ(shown(kernel_lines({{heard(1001ms, 5'000'000, "both")}, log, start + 6s}, start)),
            "both 4 1001\nlog alone 3 2000\n");
}

TEST(KernelLines, WithoutALogTheConsoleTells) {
  EXPECT_EQ(shown(kernel_lines({{heard(2ms, 7, "b"), heard(1ms, 5, "a")}, std::nullopt, start + 6s}, start)),
            "a -1 1\nb -1 2\n");
  EXPECT_EQ(shown(kernel_lines({{}, LoggedLines{{{7, 4, "b"}}, false, {}, 0}, start}, start)), "b 4 ?\n");
}

// A test printed something that looks like a message, and the log knows better.
TEST(KernelLines, WhatALogLacksWasNotTheKernels) {
  const LoggedLines log{{{5'000'000, 4, "real"}}, true, 10'000'000, 0};
  const std::vector<KernelMessage> messages{heard(1ms, 5'000'000, "real"), heard(2ms, 6'000'000, "printed")};
  EXPECT_EQ(shown(kernel_lines({messages, log, start + 6s}, start)), "real 4 1\n");
  LoggedLines some = log;
  some.all = false;  // it has lost lines: then the shape decides
  EXPECT_EQ(shown(kernel_lines({messages, some, start + 6s}, start)), "real 4 1\nprinted -1 2\n");
}

// With several processors a message of before the attempt may come after its beginning.
TEST(KernelLines, WhatIsOlderThanTheLogIsNoOutput) {
  const LoggedLines log{{{5'000'000, 4, "new"}}, true, 10'000'000, 4'000'000};
  EXPECT_EQ(
      shown(kernel_lines({{heard(1ms, 4'000'000, "late"), heard(2ms, 5'000'000, "new")}, log, start + 6s}, start)),
      "new 4 2\n");
  suite::StepResult result;
  result.output = "one\n";
  result.kernel = {{0, "[    4.000000] late\r\n"}};
  restore_output(result, log);
  EXPECT_EQ(result.output, "one\n");
}

TEST(RestoreOutput, PutsBackWhatATestPrinted) {
  const LoggedLines log{{{5'000'000, 4, "real"}}, true, 10'000'000, 0};
  suite::StepResult result;
  result.output = "one\ntwo\n";
  result.kernel = {{2, "[    5.000000] real\r\n"},
                   {4, "[    6.000000] printed\r\n"},
                   {4, "** 2 printk messages dropped **\r\n"},
                   {8, "[    5.000000] unreal\r\n"}};
  restore_output(result, log);
  EXPECT_EQ(result.output, "one\n[    6.000000] printed\r\ntwo\n[    5.000000] unreal\r\n");
  ASSERT_EQ(result.kernel.size(), 2U);
  EXPECT_EQ(result.kernel[0].offset, 2U);
  EXPECT_EQ(result.kernel[1].bytes, "** 2 printk messages dropped **\r\n");
}

TEST(RestoreOutput, ALogThatHasLostLinesProvesNothing) {
  suite::StepResult result;
  result.output = "one\n";
  result.kernel = {{4, "[    6.000000] printed\r\n"}};
  restore_output(result, {{}, false, {}, 0});
  EXPECT_EQ(result.output, "one\n");
}

TEST(KernelLog, IsReadFromTheProgramOfTheSavedState) {
  console::FakeGuest::State state;
  state.at = console::FakeGuest::State::At::shell;
  state.program = "/run/.kvmtest-renew";
  auto* guest = new console::FakeGuest({}, state);
  console::Session session(std::unique_ptr<console::Stream>(guest), 1 << 20);
  ASSERT_TRUE(session.recover(10s));
  guest->kernel_log = {{1'000'000, "<4>[    1.000000] old"},
                       {2'000'000, "<6>[    2.000000] info"},
                       {3'000'000, "<4>[    3.000000] WARNING: new"}};
  const auto deadline = session.now() + 60s;
  session.set_kernel_log({state.program, 1'000'000});
  const auto log = console::read_kernel_log(session, deadline);
  ASSERT_TRUE(log);
  ASSERT_EQ(log->lines.size(), 2U);
  EXPECT_EQ(log->lines[0].text, "info");
  EXPECT_EQ(log->lines[1].text, "WARNING: new");
  EXPECT_EQ(log->lines[1].stamp, 3'000'000);
  EXPECT_EQ(log->lines[1].level, 4);
  EXPECT_TRUE(log->all);
  EXPECT_EQ(log->now, 3'000'000);
  session.set_kernel_log({"/no/program", 0});
  EXPECT_FALSE(console::read_kernel_log(session, deadline));
}

TEST(KernelLog, Parses) {
  const auto lines = console::parse_kernel_log(
      "<4>[    1.000000] one\n<12>[    2.000000] of a program\r\nnoise\n<4>no time\n<x>[ 3.000000] y\n<6>[    "
      "4.000000]\n"
      "<28>[    5.000000] systemd[1]: x");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0].text, "one");
  EXPECT_EQ(lines[1].level, 4);
  EXPECT_EQ(lines[2].text, "");
  EXPECT_EQ(lines[2].level, 6);
  EXPECT_EQ(lines[3].level, 5) << "systemd's warning is none of the kernel's";
  EXPECT_TRUE(console::parse_kernel_log("").empty());
}

}  // namespace
}  // namespace kvmtest::engine
