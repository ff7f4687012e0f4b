// A run whose daemon ends goes on, and what a dead daemon left is in nobody's way, on real domains.

#include <csignal>
#include <regex>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* quick = "# quick\n# hosts: east\n\neast# hostname\neast\n";

/// Each test's attempts, by their verdicts.
std::map<std::string, std::vector<std::string>> attempts_of(const nlohmann::json& run) {
  std::map<std::string, std::vector<std::string>> attempts;
  for (const auto& test : run.at("tests"))
    for (const auto& attempt : test.at("attempts"))
      attempts[test.at("name")].push_back(attempt.at("verdict").is_null() ? "none"
                                                                          : attempt.at("verdict").get<std::string>());
  return attempts;
}

/// Its second test waits until go_on().
class Interruption : public OnDomains {
 protected:
  Interruption() {
    write_test("a", quick);
    write_file("suite/b.sh",
               "#!/bin/sh\n# description: waits\n# hosts: east\n"
               "while ! [ -e " +
                   (directory_ / "go-on").string() + " ]; do sleep 0.1; done\n");
    fs::permissions(directory_ / "suite/b.sh", fs::perms::owner_all);
    write_test("c", quick);
  }
  void go_on() const { write_file("go-on", ""); }
  void expect_that_it_went_on() const {
    const auto run = results();
    EXPECT_EQ(run.at("run"), 1);
    EXPECT_EQ(run.at("exit_status"), 0);
    EXPECT_EQ(attempts_of(run),
              (std::map<std::string, std::vector<std::string>>{
                  {"suite/a", {"passed"}}, {"suite/b.sh", {"none", "passed"}}, {"suite/c", {"passed"}}}));
  }
};

TEST_F(Interruption, ARunWhoseDaemonIsAskedToEndGoesOnWithTheNext) {
  Process client(kvmtest({"run"}), directory_);
  ASSERT_TRUE(client.wait_for("suite/b.sh: started")) << client.output();
  send_signal(parent_of(daemon_pid()), SIGTERM);
  EXPECT_EQ(client.finish(), 3) << client.output();
  EXPECT_TRUE(eventually([&] { return domains().empty(); }));
  go_on();
  const Result resumed = run_kvmtest({"run", "--resume"});
  EXPECT_EQ(resumed.status, 0) << resumed.output;
  expect_that_it_went_on();
}

TEST_F(Interruption, ADaemonThatIsAlwaysOnGoesOnByItself) {
  Process client(kvmtest({"run"}), directory_);
  ASSERT_TRUE(client.wait_for("suite/b.sh: started")) << client.output();
  send_signal(parent_of(daemon_pid()), SIGKILL);
  EXPECT_EQ(client.finish(), 3) << client.output();
  go_on();
  Process daemon({(programs() / "kvmtestd").string(), "--idle", "0"}, directory_);
  ASSERT_TRUE(daemon.wait_for("run 1 resumed")) << daemon.output();
  ASSERT_TRUE(daemon.wait_for("run 1 completed")) << daemon.output();
  expect_that_it_went_on();
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.finish(), 0) << daemon.output();
}

TEST_F(Interruption, WhatAPersonStoppedStaysStopped) {
  Process client(kvmtest({"run"}), directory_);
  ASSERT_TRUE(client.wait_for("suite/b.sh: started")) << client.output();
  EXPECT_EQ(run_kvmtest({"stop", "--daemon"}).status, 0);
  EXPECT_EQ(client.finish(), 130) << client.output();
  EXPECT_EQ(results().at("exit_status"), 130);
  EXPECT_EQ(run_kvmtest({"run", "--resume"}).status, 2);
}

TEST_F(OnDomains, NothingOfATestsProgramOutlivesItsDaemon) {
  write_file("suite/many.sh",
             "#!/bin/sh\n# description: has children everywhere\n# hosts: east\n"
             "mark=" +
                 directory_.string() +
                 "/mark\n"
                 "(trap '' TERM HUP; sh -c \"while :; do sleep 100; done # $mark\") &\n"
                 "setsid sh -c \"setsid sh -c 'while :; do sleep 100; done # $mark' & while :; do sleep 100; done # "
                 "$mark\" &\n"
                 "touch $mark\nwait\n");
  fs::permissions(directory_ / "suite/many.sh", fs::perms::owner_all);
  const auto left = [&] { return processes_with((directory_ / "mark").string()).size(); };
  for (const bool both : {false, true}) {
    SCOPED_TRACE(both ? "both processes" : "the inner one");
    fs::remove(directory_ / "mark");
    Process client(kvmtest({"run"}), directory_);
    ASSERT_TRUE(eventually([&] { return fs::exists(directory_ / "mark") && left() >= 3; })) << client.output();
    if (both)
      kill_daemon();
    else
      send_signal(daemon_pid(), SIGKILL);
    EXPECT_EQ(client.finish(), 3) << client.output();
    EXPECT_TRUE(eventually([&] { return left() == 0; }));
  }
}

// Libvirt writes down that it is about to start a domain, and would wait for ever for the end of that. In namespaces of
// the daemon's own nothing of it is left.
TEST_F(OnDomains, AStartThatWasUnderWayKeepsNoDaemonFromStarting) {
  if (!use_network_of_host()) GTEST_SKIP() << "not root";
  EXPECT_EQ(run_kvmtest({"up", prefix_ + "west"}).status, 0);
  const fs::path file = directory_ / ".kvmtest/libvirt/run/qemu" / (prefix_ + "west.xml");
  std::string state = read_file(file);
  const pid_t qemu = domains().at(prefix_ + "west");
  kill_daemon();
  send_signal(qemu, SIGKILL);
  EXPECT_TRUE(eventually([&] { return domains().empty(); }));
  state = std::regex_replace(state, std::regex("<job [^>]*>"), "");
  state = std::regex_replace(state, std::regex("<domstatus [^>]*>"),
                             "<domstatus state='paused' reason='starting up' pid='0'>\n"
                             "<job type='none' async='start' phase='none' flags='0x0'/>");
  ASSERT_NE(state.find("async='start'"), std::string::npos) << state;
  write_file(file, state);
  const Result up = run_kvmtest({"up", prefix_ + "west"});
  EXPECT_EQ(up.status, 0) << up.output;
}

TEST_F(OnDomains, ADomainThatCannotBeIsBadInput) {
  EXPECT_EQ(run_kvmtest({"install"}).status, 0);
  for (const std::string name : {"a b.east", "a%20b.east", "a?b=c.east", "a/b.east", "-a.east", "east\n"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(run_kvmtest({"destroy", name}).status, 2);
    EXPECT_EQ(run_kvmtest({"up", name}).status, 2);
    EXPECT_EQ(run_kvmsh({name, "true"}).status, 2);
  }
}

}  // namespace
}  // namespace kvmtest::testing
