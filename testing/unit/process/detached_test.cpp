// Programs that outlive who started them: real processes.

#include "process/detached.h"

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace kvmtest::process {
namespace {

/// What the program prints on its descriptor 3, to its end.
std::string told(const std::vector<std::string>& command) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  start_detached(command, ends[1]);
  close(ends[1]);
  std::string out;
  std::array<char, 4096> bytes{};
  for (ssize_t got = 0; (got = read(ends[0], bytes.data(), bytes.size())) > 0;)
    out.append(bytes.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  return out;
}

TEST(Detached, ItTellsWhoeverWaits) {
  EXPECT_EQ(told({"/bin/sh", "-c", "echo $0 $1 >&3", "one two", "three"}), "one two three\n");
}

TEST(Detached, ItHasASessionOfItsOwnAndEmptyStandardFiles) {
  // The shell itself may have its output elsewhere while a command of its does.
  const std::string answer = told({"/bin/sh", "-c",
                                   "session=$(cut -d ' ' -f 6 /proc/$$/stat); files=$(readlink /proc/$$/fd/[012]); "
                                   "printf '%s\\n' \"$session\" \"$files\" >&3"});
  const auto line = answer.find('\n');
  EXPECT_NE(answer.substr(0, line), std::to_string(getsid(0)));
  EXPECT_EQ(answer.substr(line + 1), "/dev/null\n/dev/null\n/dev/null\n");
}

// "flock FILE make kvm-test" once had its lock held until the daemon ended.
TEST(Detached, ItHoldsNothingThatItsCallerWasStartedWith) {
  const int lock = open("/dev/null", O_RDONLY);
  ASSERT_EQ(dup2(lock, 200), 200);
  close(lock);
  EXPECT_EQ(told({"/bin/sh", "-c", "test -e /proc/$$/fd/200 && echo held >&3; echo done >&3"}), "done\n");
  close(200);
}

TEST(Detached, ItIsNobodysChild) {
  // A child of this process would be one that it can wait for.
  const std::string parent = told({"/bin/sh", "-c", "echo $PPID >&3"});
  EXPECT_NE(parent, std::to_string(getpid()) + "\n");
}

TEST(Detached, OneThatCannotBeStartedSaysWhy) {
  try {
    told({"/nosuch/program"});
    FAIL() << "it runs";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENOENT);
  }
}

}  // namespace
}  // namespace kvmtest::process
