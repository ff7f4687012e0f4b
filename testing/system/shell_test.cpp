// kvmsh in a real terminal on real domains: keys, window size, pastes, how it leaves; standard input of commands;
// watching a test.

#include <cstring>

#include "fixture.h"
#include "terminal.h"

namespace kvmtest::testing {
namespace {

using namespace std::chrono_literals;

class Shell : public OnDomains {
 protected:
  [[nodiscard]] std::string east() const { return prefix_ + "east"; }
  /// The exit status of a line of shell here, in which "$K" is kvmsh.
  [[nodiscard]] Result sh(const std::string& line) const {
    const auto words = kvmsh({});
    return run({"sh", "-c", "K=\"" + words[0] + " --workers 2\"; " + line}, directory_);
  }
};

// Only prompts end so: what is typed and what the guest answers are told apart by it.
constexpr const char* prompt = "~]# ";

bool same(const termios& a, const termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag && a.c_lflag == b.c_lflag &&
         std::memcmp(a.c_cc, b.c_cc, sizeof a.c_cc) == 0;
}

TEST_F(Shell, KeysSizeAndStatusAreThoseOfAShell) {
  Terminal terminal(kvmsh({east()}), directory_, 30, 100);
  ASSERT_TRUE(terminal.wait_for(prompt)) << terminal.shown();
  terminal.type("echo $TERM $(stty size)\r");
  EXPECT_TRUE(terminal.wait_for("\rxterm 30 100\r\n")) << terminal.shown();
  ASSERT_TRUE(terminal.wait_for(prompt));

  // At the prompt at once, and nothing of it is seen.
  terminal.look();
  terminal.resize(44, 120);
  terminal.type("stty size\r");
  EXPECT_TRUE(terminal.wait_for("stty size\r\n")) << terminal.shown();
  EXPECT_TRUE(terminal.wait_for("44 120\r\n")) << terminal.shown();
  EXPECT_EQ(terminal.shown().find("stty rows"), std::string::npos);

  // What is typed before a program is in the foreground is its shell's; so each says itself when it is.
  // Under a program the old one stays, and no key gets lost; then it counts.
  ASSERT_TRUE(terminal.wait_for(prompt));
  terminal.type("sh -c 'echo $((1 + 1)) go; exec cat'\r");
  ASSERT_TRUE(terminal.wait_for("2 go\r\n"));
  terminal.resize(20, 60);
  terminal.type("one\r");
  EXPECT_TRUE(terminal.wait_for("one\r\none\r\n")) << terminal.shown();
  terminal.type("\x03");
  ASSERT_TRUE(terminal.wait_for(prompt)) << terminal.shown();
  terminal.type("echo $? $(stty size)\r");
  EXPECT_TRUE(terminal.wait_for("\r130 ")) << terminal.shown();
  ASSERT_TRUE(terminal.wait_for(prompt));
  terminal.look();
  terminal.type("stty size\r");
  EXPECT_TRUE(terminal.wait_for("20 60\r\n")) << terminal.shown();

  ASSERT_TRUE(terminal.wait_for(prompt));
  terminal.type("sh -c 'echo $((1 + 1)) go; exec sleep 1000'\r");
  ASSERT_TRUE(terminal.wait_for("2 go\r\n"));
  terminal.type("\x1a");
  EXPECT_TRUE(terminal.wait_for("Stopped")) << terminal.shown();
  ASSERT_TRUE(terminal.wait_for(prompt));
  terminal.type("sh -c 'echo $((1 + 1)) go; exec cat'\r");
  ASSERT_TRUE(terminal.wait_for("2 go\r\n"));
  terminal.type("\x1c");
  EXPECT_TRUE(terminal.wait_for("Quit")) << terminal.shown();
  ASSERT_TRUE(terminal.wait_for(prompt));
  terminal.type("kill -9 %1; exit 7; exit 7\r");
  EXPECT_EQ(terminal.finish(), 7) << terminal.shown();
}

TEST_F(Shell, LeavingGivesBackTheTerminalAndTheDomain) {
  const std::vector<std::string> words = kvmsh({east()});
  {
    Terminal terminal(words, directory_);
    const termios before = terminal.settings();
    ASSERT_TRUE(terminal.wait_for(prompt)) << terminal.shown();
    EXPECT_FALSE(same(terminal.settings(), before));
    // A program with a screen of its own, of which control-C is a mere key.
    terminal.type("cd /tmp; export MARK=1; vi x\r");
    ASSERT_TRUE(terminal.wait_for("~")) << terminal.shown();
    terminal.type("\x1d");
    EXPECT_EQ(terminal.finish(), 0) << terminal.shown();
    EXPECT_TRUE(same(terminal.settings(), before));
  }
  // It is the same domain, its shell is free, and what was changed in the shell is gone.
  const pid_t domain = domains().at(east());
  EXPECT_EQ(run_kvmsh({east(), "pwd; echo mark=$MARK; pidof vi"}).output, "/root\nmark=\n");
  EXPECT_EQ(domains().at(east()), domain);
  for (const int number : {SIGTERM, SIGHUP}) {
    Terminal terminal(words, directory_);
    const termios before = terminal.settings();
    ASSERT_TRUE(terminal.wait_for(prompt)) << terminal.shown();
    terminal.signal(number);
    EXPECT_EQ(terminal.finish(), 128 + number);
    EXPECT_TRUE(same(terminal.settings(), before));
    EXPECT_TRUE(eventually([&] { return run_kvmsh({east(), "true"}).status == 0; }));
  }
  Terminal terminal(words, directory_);
  const termios before = terminal.settings();
  ASSERT_TRUE(terminal.wait_for(prompt)) << terminal.shown();
  send_signal(daemon_pid(), SIGKILL);
  EXPECT_EQ(terminal.finish(), 3);
  EXPECT_NE(terminal.shown().find("the daemon went away"), std::string::npos) << terminal.shown();
  EXPECT_TRUE(same(terminal.settings(), before));
}

TEST_F(Shell, APasteOfAnyBytesArrives) {
  std::string paste;
  for (unsigned i = 0; i < 100'000; ++i) paste.push_back(static_cast<char>(i * 7 + i / 256));
  write_file("paste", paste);
  const std::string sum = run({"md5sum", "paste"}, directory_).output.substr(0, 32);
  // With an escape key, it would leave at the first one in the paste.
  Terminal terminal(kvmsh({"--escape", "none", east()}), directory_);
  ASSERT_TRUE(terminal.wait_for(prompt)) << terminal.shown();
  terminal.type("stty raw -echo; echo rea''dy; head -c 100000 | md5sum; stty sane\r");
  ASSERT_TRUE(terminal.wait_for("ready\n")) << terminal.shown();
  terminal.type(paste);
  EXPECT_TRUE(terminal.wait_for(sum)) << terminal.shown().substr(terminal.shown().size() - 200);
  ASSERT_TRUE(terminal.wait_for(prompt));
  terminal.type("exit\r");
  EXPECT_EQ(terminal.finish(), 0);
}

TEST_F(Shell, StandardInputGoesToTheCommand) {
  EXPECT_EQ(sh("echo text | $K " + east() + " 'cat >/tmp/x; cat /tmp/x'").output.substr(0, 200),
            "kvmsh: bringing up " + east() + "\ntext\n");
  std::string bytes;
  for (unsigned i = 0; i < 20'000; ++i) bytes.push_back(static_cast<char>(i * 11 + i / 256));
  write_file("bytes", bytes);
  EXPECT_EQ(sh("$K " + east() + " md5sum <bytes; md5sum <bytes | tr -d '\\n'").status, 0);
  const std::string sums = sh("$K " + east() + " md5sum <bytes; md5sum <bytes").output;
  ASSERT_EQ(sums.size(), 2 * 36U) << sums;
  EXPECT_EQ(sums.substr(0, 36), sums.substr(36));
  // Nothing is left of it, its status is the command's, and without any the command sees its end at once.
  EXPECT_EQ(sh("echo exit 5 | $K " + east()).status, 5);
  EXPECT_EQ(run_kvmsh({east(), "ls -A /run /tmp | grep kvmtest-input; cat"}).output, "");
  EXPECT_EQ(sh("echo lost | $K -n " + east() + " cat").output, "");
  const Result refused = sh("head -c 5000000 /dev/zero | $K " + east() + " 'cat >/dev/null'");
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.output.find("longer than 4 MiB"), std::string::npos) << refused.output;
}

TEST_F(Shell, ADomainUnderTestIsWatchedAndOnlyTypedIntoByForce) {
  write_test("asks",
             "# waits for an answer\n# hosts: east\n\neast# echo first\nfirst\neast(timeout 60s)# read answer; echo "
             "got $answer\n"
             "got yes\n");
  Process running(kvmtest({"run"}), directory_);
  ASSERT_TRUE(running.wait_for("started on")) << running.output();
  Terminal watching(kvmsh({east()}), directory_);
  ASSERT_TRUE(watching.wait_for("read-only")) << watching.shown();
  ASSERT_TRUE(watching.wait_for("# echo first\r\nfirst\r\n# read answer; echo got $answer\r\n")) << watching.shown();
  watching.type("no\r");
  ASSERT_TRUE(watching.wait_for("--force types into it")) << watching.shown();
  const Result refused = run_kvmsh({east(), "true"});
  EXPECT_EQ(refused.status, 3);
  EXPECT_NE(refused.output.find("a run is using prefix"), std::string::npos) << refused.output;
  Terminal typing(kvmsh({"--force", east()}), directory_);
  ASSERT_TRUE(typing.wait_for("# read answer")) << typing.shown();
  typing.type("yes\r");
  EXPECT_TRUE(watching.wait_for("got yes\r\n")) << watching.shown();
  EXPECT_EQ(watching.finish(), 0);
  EXPECT_EQ(typing.finish(), 0);
  EXPECT_EQ(running.finish(), 0) << running.output();
  EXPECT_NE(running.output().find("somebody types into " + east()), std::string::npos) << running.output();
}

TEST_F(Shell, AFailuresDomainsStayAsItLeftThem) {
  write_test(
      "bad",
      "# fails\n# hosts: east west\n\neast# touch /tmp/mark; sleep 1000 >/dev/null 2>&1 &\nwest# echo two\nthree\n");
  write_test("good", "# passes\n# hosts: east\n\neast# echo one\none\n");
  const Result ran = run_kvmtest({"run", "--keep-failed", "--order", "listed"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{{"suite/bad", "failed"}, {"suite/good", "untested"}}));
  EXPECT_NE(ran.output.find("kvmsh " + east() + "\n"), std::string::npos) << ran.output;
  // Spares that were being made ready when the test failed are destroyed beside whatever comes next.
  EXPECT_TRUE(eventually([this] { return domains().size() == 2; }));
  EXPECT_EQ(
      run_kvmsh({east(), "test -e /tmp/mark && pidof sleep >/dev/null && ping -c 1 -W 5 192.1.2.45 >/dev/null"}).status,
      0);
  const Result refused = run_kvmtest({"run", "suite/good"});
  EXPECT_EQ(refused.status, 3);
  EXPECT_NE(refused.output.find("as suite/bad left them"), std::string::npos) << refused.output;
  EXPECT_EQ(run_kvmtest({"destroy", east(), prefix_ + "west"}).status, 0);
  EXPECT_TRUE(domains().empty());
  EXPECT_EQ(run_kvmtest({"run", "--keep-failed", "suite/good"}).status, 0);
  EXPECT_TRUE(domains().empty());
}

TEST_F(Shell, BootMakesADomainThatIsUpAnew) {
  EXPECT_EQ(run_kvmsh({east(), "touch /tmp/mark"}).status, 0);
  EXPECT_EQ(run_kvmsh({east(), "test -e /tmp/mark"}).status, 0);
  EXPECT_EQ(run_kvmsh({"--boot", east(), "test -e /tmp/mark"}).status, 1);
}

}  // namespace
}  // namespace kvmtest::testing
