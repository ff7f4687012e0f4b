// What shells and kernels do of themselves at the console of real domains.

#include <algorithm>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

/// Domains whose kernel says everything on the console, on two processors, and whose shells have all that is known to
/// be in the way.
class AtTheConsole : public OnDomains {
 protected:
  /// Domains from templates in which `before` became `after`.
  void change_templates(const std::string& before, const std::string& after) const {
    for (const auto& entry : fs::directory_iterator(fs::path(KVMTEST_SOURCE) / "config/domains")) {
      std::string text = read_file(entry.path());
      if (const auto at = text.find(before); at != std::string::npos) text.replace(at, before.size(), after);
      write_file(fs::path("domains") / entry.path().filename(), text);
    }
    replace("templates: " + (fs::path(KVMTEST_SOURCE) / "config/domains").string(), "templates: domains");
  }
  /// Puts a file into the guest: an archive behind the initrd's.
  void change_guest(const std::string& path, const std::string& text) const {
    write_file(fs::path("root") / path, text);
    fs::permissions(directory_ / "root" / path, fs::perms::owner_all);
    const fs::path initrd = fs::path(KVMTEST_SOURCE) / ".kvmtest/guest/tiny/initrd";
    const Result made =
        run({"sh", "-c", "{ cat '" + initrd.string() + "'; cd root && find . | cpio -o -H newc --quiet; } >initrd"},
            directory_);
    ASSERT_EQ(made.status, 0) << made.output;
    replace("initrd: " + initrd.string(), "initrd: initrd");
  }
  [[nodiscard]] std::string guest_file(const std::string& path) const {
    return read_file(fs::path(KVMTEST_SOURCE) / "scripts/guest" / path);
  }
  void replace(const std::string& before, const std::string& after) const {
    std::string text = read_file("kvmtest.yaml");
    if (const auto at = text.find(before); at != std::string::npos) text.replace(at, before.size(), after);
    write_file("kvmtest.yaml", text);
  }
  void expect_passed(const std::vector<std::string>& options = {}) const {
    std::vector<std::string> words{"run"};
    words.insert(words.end(), options.begin(), options.end());
    const Result ran = run_kvmtest(words);
    EXPECT_EQ(ran.status, 0) << ran.output << run_kvmtest({"diffs"}).output;
  }
};

constexpr const char* loud = "east# echo 7 >/proc/sys/kernel/printk; echo on >/proc/sys/kernel/printk_devkmsg\n";

TEST_F(AtTheConsole, AKernelThatTalksAllTheTimeCutsNoPrompt) {
  change_templates("<vcpu>1</vcpu>", "<vcpu>2</vcpu>");
  std::string test = "# a driver logs all the time\n# hosts: east\n# command-timeout: 10s\n# timeout: 4m\n\n";
  test += loud;
  test +=
      "east# { while :; do echo \"<4>example 0000:00:05.0: link status changed\" >/dev/kmsg; done & } "
      "2>/dev/null\n[*]\n";
  for (int i = 0; i < 100; ++i) test += "east# true\n";
  write_test("chatty", test);
  expect_passed();
  EXPECT_NE(read_file(".kvmtest/runs/1/suite/chatty/1/east.kernel.txt").find("link status changed\n"),
            std::string::npos);
}

TEST_F(AtTheConsole, WhatTheKernelSaysIsNoOutput) {
  std::string test = "# ports of a bridge\n# hosts: east\n\n";
  test += loud;
  test += "east# ip link add br0 type bridge\neast# ip link set br0 up\n";
  for (int i = 0; i < 10; ++i) {
    const std::string n = std::to_string(i);
    test += "east# ip link add d" + n + " type dummy\neast# ip link set d" + n + " master br0\neast# ip link set d" +
            n + " up\neast# echo port " + n + "\nport " + n + "\n";
  }
  // What a test prints itself is output, however much it looks like a message.
  test += "east# dmesg | grep -c 'port 1(d0) entered blocking state' | tr 1-9 y\ny\n";
  test += "east# printf '[99999.123456] not the kernel\\r\\n'\n[99999.123456] not the kernel\\r (esc)\n";
  test += "east# printf '[    0.000001] nor here\\r\\nend\\n'\n[    0.000001] nor here\\r (esc)\nend\n";
  write_test("bridge", test);
  expect_passed();
  const std::string said = read_file(".kvmtest/runs/1/suite/bridge/1/east.kernel.txt");
  EXPECT_NE(said.find("br0: port 10(d9) entered"), std::string::npos) << said;
  EXPECT_EQ(said.find("not the kernel"), std::string::npos) << said;
}

constexpr const char* warning =
    "east# printf '<4>------------[ cut here ]------------\\n' >/dev/kmsg; printf '<4>WARNING: CPU: 0 PID: 1 at "
    "net/core/dev.c:1 dev_example+0x1/0x2\\n' >/dev/kmsg; printf '<4>Call Trace:\\n' >/dev/kmsg\neast# echo "
    "done\ndone\n";

TEST_F(AtTheConsole, WarningsAreToldAndFailATestWhereTheyShall) {
  write_test("told", std::string("# a warning\n# hosts: east\n\n") + warning);
  write_test("clean", "# none\n# hosts: east\n\neast# true\n");
  write_test("fails", std::string("# a warning\n# hosts: east\n# kernel-warnings: fail\n\n") + warning);
  write_test("ignores", std::string("# a warning\n# hosts: east\n# kernel-warnings: ignore\n\n") + warning);
  Result ran = run_kvmtest({"run", "--order", "listed"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{{"suite/told", "passed"},
                                                            {"suite/clean", "passed"},
                                                            {"suite/fails", "failed"},
                                                            {"suite/ignores", "passed"}}));
  EXPECT_NE(ran.output.find("passed, with warnings of kernels"), std::string::npos) << ran.output;
  const auto issues = [&](const std::string& test) {
    return nlohmann::json::parse(read_file(".kvmtest/runs/1/suite/" + test + "/1/result.json")).at("issues");
  };
  for (const char* test : {"told", "fails"}) {
    ASSERT_EQ(issues(test).size(), 1U) << issues(test);
    EXPECT_EQ(issues(test)[0].at("name"), "kernel-warning");
    EXPECT_EQ(issues(test)[0].at("host"), "east");
    EXPECT_EQ(issues(test)[0].at("detail"), "WARNING: CPU: 0 PID: 1 at net/core/dev.c:1 dev_example+0x1/0x2");
  }
  EXPECT_TRUE(issues("clean").empty());
  EXPECT_TRUE(issues("ignores").empty());
  const std::string said = read_file(".kvmtest/runs/1/suite/ignores/1/east.kernel.txt");
  EXPECT_NE(said.find("warning  WARNING: CPU: 0 PID: 1"), std::string::npos) << said;
  EXPECT_NE(run_kvmtest({"show", "suite/told"}).output.find("kernel of east"), std::string::npos);

  // A guest that was booted for the test tells by its dmesg.
  ran = run_kvmtest({"run", "--reset", "boot", "suite/fails", "suite/clean"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_EQ(verdicts().at("suite/fails"), "failed");
  EXPECT_EQ(verdicts().at("suite/clean"), "passed");
}

TEST_F(AtTheConsole, AShellThatDoesMuchOfItselfDoesNothing) {
  change_guest("etc/profile", guest_file("inside/profile") + R"sh(
__mark() { printf '\033]3008;start=%s;type=shell;cwd=%s\033\\' "$(cat /proc/sys/kernel/random/uuid)" "$PWD";
}
PROMPT_COMMAND=(__mark)
PS0='\033]3008;start=$(cat /proc/sys/kernel/random/uuid);type=command\033\\'
export TMOUT=3
readonly TMOUT PROMPT_COMMAND
trap 'echo DEBUG' DEBUG
trap 'echo EXIT' EXIT
set -o vi
)sh");
  write_test("plain",
             "# hooks\n# hosts: east\n\neast# true\neast# echo hello\nhello\neast# false\n[1]\n"
             "east# echo \"Hello, world!\"\nHello, world!\neast# echo one; echo \"got it!!\"\none\ngot it!!\n");
  write_test("idle",
             "# one host waits\n# hosts: east west\n\neast# echo begin\nbegin\nwest# sleep 5\neast# echo end\nend\n");
  expect_passed();
}

TEST_F(AtTheConsole, ALoginIsFoundWhateverTheKernelSays) {
  change_guest("etc/init", [&] {
    std::string init = guest_file("tiny.d/init");
    const std::string quiet = "echo 1 >/proc/sys/kernel/printk\n";
    const auto at = init.find(quiet);
    return init.replace(at, quiet.size(),
                        "echo 7 >/proc/sys/kernel/printk; echo on >/proc/sys/kernel/printk_devkmsg\n"
                        "while :; do echo '<4>chatter login: x' >/dev/kmsg; usleep 20000; done &\n");
  }());
  write_test("in", "# the kernel never stops\n# hosts: east\n\neast# echo in\nin\n");
  expect_passed({"--reset", "boot"});
}

TEST_F(AtTheConsole, AGuestThatComesUpWithAShellIsTakenAsItIs) {
  change_guest("etc/inittab", "::sysinit:/etc/init\nttyS0::respawn:-/bin/bash\n");
  write_test("in", "# nobody logs in\n# hosts: east\n\neast# echo in\nin\n");
  expect_passed();
}

}  // namespace
}  // namespace kvmtest::testing
