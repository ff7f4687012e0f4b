// Machines that restart, and shells that end, on real domains.

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

class OnDomainsReboots : public OnDomains {
 protected:
  [[nodiscard]] std::string issue_of(const std::string& test) const {
    const nlohmann::json run = results();
    for (const auto& each : run.at("tests")) {
      if (each.at("name") != test) continue;
      const auto& issues = each.at("attempts").back().at("issues");
      if (issues.empty()) return "";
      return issues[0].at("name").get<std::string>() + ": " + issues[0].at("detail").get<std::string>();
    }
    return "no such test";
  }
};

TEST_F(OnDomainsReboots, AScriptGoesOnWhenItsMachineIsBack) {
  const std::string boot = "cat /proc/sys/kernel/random/boot_id";
  write_test("a",
             "# reboots, by a command and by a loss of power, while another machine goes on\n# hosts: east west\n\n"
             "west# marked=still\n"
             "east# " +
                 boot +
                 " >/tmp/boot; marked=gone; echo \"$marked\"\ngone\n"
                 "east(reboot)# reboot -f\n"
                 "east# test ! -e /tmp/boot && echo \"<$marked>\"\n<>\n"
                 "east# uname -n; ping -c 1 -W 2 192.1.2.45 >/dev/null && echo reached\neast\nreached\n"
                 "west# echo \"$marked\"\nstill\n"
                 "east(reboot)#\n"
                 "east(until 10s)# ping -c 1 -W 1 192.1.2.45 >/dev/null\n");
  write_test("b",
             "# the next test finds clean domains\n# hosts: east west\n\neast# echo \"<$marked>\"\n<>\nwest# echo "
             "\"<$marked>\"\n<>\n");
  const Result ran = run_kvmtest({"run", "--order", "listed"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  // Now from kept states, in QEMUs without a kernel.
  const Result again = run_kvmtest({"run", "--order", "listed", "--repeat", "2"});
  EXPECT_EQ(again.status, 0) << again.output;
}

// Each boot has a log of its own, and the stamps begin anew.
TEST_F(OnDomainsReboots, WhatTheKernelSaidBeforeIsNotForgotten) {
  const auto say = [](const std::string& what) { return "printf '<4>" + what + "\\n' >/dev/kmsg"; };
  write_test("a",
             "# a warning, also of a quiet console, before a reboot and after it\n# hosts: east\n\n"
             "east# echo 8 >/proc/sys/kernel/printk\n"
             "east# " +
                 say("WARNING: first") +
                 "; echo one\none\n"
                 "east# echo 1 >/proc/sys/kernel/printk; " +
                 say("WARNING: second") +
                 "; printf '[    1.000000] no message\\n'\n"
                 "[    1.000000] no message\n"
                 "east(reboot)# reboot -f\n"
                 "east# " +
                 say("WARNING: third") + "; echo two\ntwo\n");
  const Result ran = run_kvmtest({"run", "--order", "listed"});
  EXPECT_EQ(ran.status, 0) << ran.output << run_kvmtest({"diffs"}).output;
  // All of the console is there, too.
  const std::string console = read_file(".kvmtest/runs/1/suite/a/1/east.console.raw");
  for (const char* printed : {"one\n", "two\n"}) EXPECT_NE(console.find(printed), std::string::npos) << console;
  for (const char* word : {"WARNING: first", "WARNING: second", "WARNING: third"})
    EXPECT_NE(run_kvmtest({"show", "a"}).output.find(word), std::string::npos) << word;
}

TEST_F(OnDomainsReboots, WhatDoesNotComeBackIsToldAtOnce) {
  const auto test = [&](const std::string& name, const std::string& line) {
    write_test(name, "# " + name + "\n# hosts: east\n# timeout: 60s\n# command-timeout: 50s\n\n" + line +
                         "\n\neast# echo next\nnext\n");
  };
  test("exit", "east# exit 3\n[*]");
  test("killed", "east# kill -9 $$\n[*]");
  test("off", "east(reboot)# poweroff -f");
  test("refused", "east(reboot)# false");
  test("unasked", "east# reboot -f\n[*]");
  test("words", "east# printf 'login: '; sleep 3; echo; printf '~ # '; sleep 3; echo over\nlogin: \n~ # over");
  const Result ran = run_kvmtest({"run", "--order", "listed"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{{"suite/exit", "failed"},
                                                            {"suite/killed", "failed"},
                                                            {"suite/off", "failed"},
                                                            {"suite/refused", "failed"},
                                                            {"suite/unasked", "unresolved"},
                                                            {"suite/words", "passed"}}))
      << ran.output;
  EXPECT_EQ(issue_of("suite/exit"),
            "shell-ended: line 6: exit 3: the console's shell has ended; last line on the console: 'east login: '");
  EXPECT_TRUE(issue_of("suite/killed").starts_with("shell-ended: ")) << issue_of("suite/killed");
  EXPECT_EQ(issue_of("suite/off"), "not-rebooted: line 6: reboot by poweroff -f: the guest switched itself off");
  EXPECT_EQ(issue_of("suite/refused"),
            "not-rebooted: line 6: reboot by false: it exited with 1, and the machine goes on");
  EXPECT_EQ(issue_of("suite/unasked"),
            "EOF: line 6: reboot -f: the guest rebooted; a command that is to do so is marked: east(reboot)#");
}

TEST_F(OnDomainsReboots, AProgramsMachineComesBack) {
  write_file("suite/p.tests",
             "# programs\n# hosts: east west\n# timeout: 2m\n"
             "back: east 'touch /tmp/mark'; (sleep 1; east uname -n >$KVMTEST_OUTPUT/beside) & east --reboot reboot -f "
             "&& ! east test -e /tmp/mark && east --reboot && wait && grep east $KVMTEST_OUTPUT/beside && west true\n"
             "off: east --reboot poweroff -f; test $? = 3\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  const Result outside = run_kvmsh({"--reboot", prefix_ + "east"});
  EXPECT_EQ(outside.status, 2) << outside.output;
}

}  // namespace
}  // namespace kvmtest::testing
