// The program that waits in a guest's saved state, as far as it may run here: given a whole line, it would set the
// clock.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace kvmtest {
namespace {

struct Ended {
  std::string output;
  int status = -1;
};

/// Runs it in a shell, with its standard input from `input`.
Ended run(const std::string& arguments, const std::string& input = "") {
  Ended ended;
  std::FILE* pipe = popen(("printf '" + input + "' | '" RENEW "' " + arguments).c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen failed");
  std::array<char, 256> buffer;
  while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe)) ended.output.append(buffer.data(), got);
  const int status = pclose(pipe);
  if (WIFEXITED(status)) ended.status = WEXITSTATUS(status);
  return ended;
}

TEST(Renew, TellsThatItRuns) {
  const Ended ended = run("");
  EXPECT_EQ(ended.output, "renew\n");
  EXPECT_EQ(ended.status, 0);
}

TEST(Renew, WithoutATokenItOnlyTellsThatItRuns) { EXPECT_EQ(run("wait").output, "renew\n"); }

TEST(Renew, ALineOfAnotherKindEndsItWithoutAWord) {
  for (const char* line :
       {"", "\\n", "mark\\n", "mark 00\\n", "mark 00 1\\n", "mark 00 1 \\n", "echo hello there\\n"}) {
    const Ended ended = run("wait token", line);
    EXPECT_EQ(ended.output, "waiting\n") << line;
    EXPECT_EQ(ended.status, 0) << line;
  }
}

// As its shell runs it in a saved state.
TEST(Renew, ItAsksToBeStartedAgain) {
  const Ended ended = run("wait token", "mark again\\n");
  EXPECT_EQ(ended.output, "waiting\nmark\n");
  EXPECT_EQ(ended.status, 1);
  for (const char* line : {"mark agai\\n", "mark againn\\n", "again\\n"})
    EXPECT_EQ(run("wait token", line).status, 0) << line;
}

// Who may not read the log is told nothing, and learns it from the status.
TEST(Renew, PrintsTheKernelsLogSinceATime) {
  const Ended all = run("log 0");
  if (all.status != 0) GTEST_SKIP() << "the kernel's log may not be read here";
  const auto last = all.output.rfind('@');
  ASSERT_NE(last, std::string::npos) << all.output;
  EXPECT_TRUE(all.output.ends_with(" 0\n") || all.output.ends_with(" 1\n")) << all.output.substr(last);
  for (std::size_t at = 0; at < last; at = all.output.find('\n', at) + 1) EXPECT_EQ(all.output[at], '<');
  const Ended none = run("log 9000000000000");
  EXPECT_EQ(none.status, 0);
  EXPECT_TRUE(none.output.starts_with("@")) << none.output;
  EXPECT_TRUE(none.output.ends_with(" 1\n")) << "nothing newer is missing";
}

}  // namespace
}  // namespace kvmtest
