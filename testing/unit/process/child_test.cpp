// Programs that leave something behind: real processes.

#include "process/child.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../send_signal.h"

namespace kvmtest::process {
namespace {

/// A pipe whose other end all processes of a test hold as their standard output.
class Held {
 public:
  Held() { EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~Held() {
    let_go();
    close(ends_[0]);
  }
  void let_go() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  [[nodiscard]] int end() const { return ends_[1]; }
  /// All that is printed, until nobody holds it any more.
  std::string read_all() {
    let_go();
    std::string out;
    std::array<char, 4096> bytes{};
    for (ssize_t got = 0; (got = read(ends_[0], bytes.data(), bytes.size())) > 0;)
      out.append(bytes.data(), static_cast<std::size_t>(got));
    return out;
  }
  /// Waits for something to be printed.
  void await_word() {
    char byte = 0;
    EXPECT_EQ(read(ends_[0], &byte, 1), 1);
  }

 private:
  std::array<int, 2> ends_{};
};

Launch shell(const std::string& command, const Held& held) {
  return {{"/bin/sh", "-c", command}, {"PATH=/usr/bin:/bin"}, "/", held.end(), held.end()};
}

/// Whoever looks after a program looks after it in namespaces of its own as well.
class Reaper : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam() && !can_confine()) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
  }
  static Launch shell(const std::string& command, const Held& held) {
    Launch launch = process::shell(command, held);
    if (GetParam()) launch.confinement.emplace();
    return launch;
  }
};

INSTANTIATE_TEST_SUITE_P(Child, Reaper, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "InNamespaces" : "Here"; });

void await_end(Child& child) {
  while (!child.ended()) {
    pollfd told{child.descriptor(), POLLIN, 0};
    poll(&told, 1, -1);
  }
}

TEST(AChild, ThatEndsAtOnceIsSeenByWhoPolls) {
  for (int round = 0; round < 100; ++round) {
    Held held;
    Child child(shell("true", held));
    pollfd told{child.descriptor(), POLLIN, 0};
    ASSERT_EQ(poll(&told, 1, 10'000), 1) << "round " << round;
    await_end(child);
  }
}

bool among(const std::vector<std::string>& words, const std::string& wanted) {
  return std::find(words.begin(), words.end(), wanted) != words.end();
}

TEST_P(Reaper, RunsAndTellsItsStatus) {
  Held held;
  Child child(shell("pwd; cat; exit 3", held));
  EXPECT_EQ(child.start_error(), 0);
  EXPECT_EQ(held.read_all(), "/\n");
  await_end(child);
  ASSERT_TRUE(WIFEXITED(child.status()));
  EXPECT_EQ(WEXITSTATUS(child.status()), 3);
  EXPECT_TRUE(child.end().empty());
  Child killed(shell("kill -9 $$", held));
  await_end(killed);
  ASSERT_TRUE(WIFSIGNALED(killed.status()));
  EXPECT_EQ(WTERMSIG(killed.status()), SIGKILL);
}

TEST(Child, OneThatCannotBeStartedSaysWhy) {
  Held held;
  Launch launch = shell("", held);
  launch.command = {"/nosuch/program"};
  EXPECT_EQ(Child(launch).start_error(), ENOENT);
  launch = shell("", held);
  launch.directory = "/nosuch";
  EXPECT_EQ(Child(launch).start_error(), ENOENT);
}

TEST_P(Reaper, NothingThatItLeftIsLeft) {
  Held held;
  Child child(
      shell("export n=$$; setsid sleep 1001.$n & sleep 1002.$n & (setsid sh -c 'while :; do sleep 1003.$n; done' &) ; "
            "setsid sh -c 'setsid sleep 1004.$n; :' & "
            "for i in 1 2 3 4; do while ! pgrep -f \"^sleep 100$i.$n\" >/dev/null; do :; done; done; printf .$n",
            held));
  await_end(child);
  EXPECT_EQ(WEXITSTATUS(child.status()), 0);
  const auto left = child.end();
  const std::string own = held.read_all();  // returns when nobody has the other end
  for (const char* command : {"sleep 1001", "sleep 1002", "sleep 1003", "sleep 1004"})
    EXPECT_TRUE(among(left, command + own)) << command << own;
}

TEST_P(Reaper, OneThatGoesOnIsEndedWithAllThatItStarted) {
  Held held;
  {
    Child child(shell("trap '' TERM; setsid sleep 1001 & echo ready; wait; wait", held));
    held.await_word();
    child.signal(SIGTERM);
  }
  held.read_all();
}

TEST_P(Reaper, OneThatIsNeverTheSameForLongIsOutrun) {
  Held held;
  // Each starts the next one, in a session of its own, and ends.
  Child child(shell("f='setsid sh -c \"$0\" \"$0\" &'; setsid sh -c \"$f\" \"$f\" & echo ready", held));
  held.await_word();
  await_end(child);
  EXPECT_FALSE(child.end().empty());
  held.read_all();
}

TEST_P(Reaper, ItEndsWithTheProcessThatStartedIt) {
  Held held;
  const pid_t daemon = fork();
  if (daemon == 0) {
    const Child child(shell("setsid sh -c 'echo ready; exec sleep 1001' & sleep 1002", held));
    while (true) pause();
  }
  held.await_word();
  send_signal(daemon, SIGKILL);
  waitpid(daemon, nullptr, 0);
  held.read_all();
}

TEST_P(Reaper, HasNoOpenFilesOfItsParent) {
  Held held;
  Child child(shell("ls /proc/self/fd | wc -w", held));
  EXPECT_EQ(held.read_all(), "4\n") << "three, and the directory itself";
}

}  // namespace
}  // namespace kvmtest::process
