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

}  // namespace
}  // namespace kvmtest
