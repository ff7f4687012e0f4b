// Stopping and dying on real domains: nothing is lost, nothing is left.

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <set>

#include <unistd.h>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

constexpr const char* quick = "# quick\n# hosts: east\n\neast# hostname\neast\n";
constexpr const char* endless = "# waits for ever\n# hosts: east west\n\neast# sleep 1000\n";

TEST_F(OnDomains, OneControlCStopsEverything) {
  write_test("a", quick);
  write_test("b", endless);
  write_test("c", quick);
  Process client(kvmtest({"run"}), directory_);
  ASSERT_TRUE(client.wait_for("suite/b: started")) << client.output();
  client.signal(SIGINT);
  EXPECT_EQ(client.finish(), 130) << client.output();
  EXPECT_TRUE(domains().empty());
  EXPECT_EQ(verdicts(),
            (std::map<std::string, std::string>{{"suite/a", "passed"}, {"suite/b", "none"}, {"suite/c", "none"}}));
}

TEST_F(OnDomains, StopDuringTheFirstBootLeavesNothing) {
  write_test("a", quick);
  Process client(kvmtest({"run", "-v"}), directory_);
  ASSERT_TRUE(client.wait_for("boot started")) << client.output();
  EXPECT_EQ(run_kvmtest({"stop"}).status, 0);
  EXPECT_TRUE(domains().empty());
  EXPECT_EQ(client.finish(), 130) << client.output();
}

TEST_F(OnDomains, ARunOutlivesItsClientAndCanBeAttachedAgain) {
  write_test("a", "# long enough\n# hosts: east\n\neast# sleep 3; echo done\ndone\n");
  write_test("b", quick);
  Process client(kvmtest({"run"}), directory_);
  ASSERT_TRUE(client.wait_for("suite/a: started"));
  client.signal(SIGKILL);
  client.finish();
  const Result attached = run_kvmtest({"attach"});
  EXPECT_EQ(attached.status, 0) << attached.output;
  EXPECT_NE(attached.output.find("suite/b: passed"), std::string::npos) << attached.output;
}

/// A run is killed in its second test and goes on: each test has one verdict, and the one that was running is tried
/// anew.
class Killed : public OnDomains {
 protected:
  void start(Process& client) { ASSERT_TRUE(client.wait_for("suite/b: started")) << client.output(); }
  void write_tests() const {
    write_test("a", quick);
    write_test("b", "# killed once\n# hosts: east west\n\neast# sleep 4; echo done\ndone\n");
    write_test("c", quick);
  }
  void resume_and_look() {
    const Result resumed = run_kvmtest({"run", "--resume"});
    EXPECT_EQ(resumed.status, 0) << resumed.output;
    EXPECT_TRUE(domains().empty());
    const auto run = results();
    EXPECT_EQ(run.at("run"), 1);
    std::map<std::string, std::vector<std::string>> attempts;
    for (const auto& test : run.at("tests"))
      for (const auto& attempt : test.at("attempts"))
        attempts[test.at("name")].push_back(attempt.at("verdict").is_null() ? "none"
                                                                            : attempt.at("verdict").get<std::string>());
    EXPECT_EQ(attempts, (std::map<std::string, std::vector<std::string>>{
                            {"suite/a", {"passed"}}, {"suite/b", {"none", "passed"}}, {"suite/c", {"passed"}}}));
  }
};

TEST_F(Killed, WithTheMachinesNetworkTheNextDaemonFindsWhatIsLeft) {
  if (!use_network_of_host()) GTEST_SKIP() << "not root";
  write_tests();
  Process client(kvmtest({"run"}), directory_);
  start(client);
  // Its parent would clean up after it: kill that first.
  kill_daemon();
  EXPECT_EQ(client.finish(), 3) << client.output();
  EXPECT_FALSE(domains().empty());
  resume_and_look();
}

// Whichever of its three processes is killed.
TEST_F(Killed, InNamespacesOfItsOwnNothingIsLeft) {
  for (const int above : {0, 1, 2}) {
    write_tests();
    Process client(kvmtest({"run"}), directory_);
    start(client);
    const pid_t daemon = daemon_pid();
    pid_t victim = daemon;
    for (int i = 0; i < above; ++i) victim = parent_of(victim);
    send_signal(victim, SIGKILL);
    EXPECT_EQ(client.finish(), 3) << client.output();
    EXPECT_TRUE(eventually([&] { return domains().empty() && !is_alive(daemon); })) << above << " above the daemon";
    EXPECT_TRUE(bridges().empty());
    resume_and_look();
    run_kvmtest({"uninstall"});
    std::filesystem::remove_all(directory_ / ".kvmtest");
  }
}

TEST_F(OnDomains, AKilledDaemonTakesItsDomainsWithIt) {
  write_test("a", endless);
  Process client(kvmtest({"run"}), directory_);
  ASSERT_TRUE(client.wait_for("suite/a: started")) << client.output();
  send_signal(daemon_pid(), SIGKILL);
  EXPECT_EQ(client.finish(), 3) << client.output();
  EXPECT_TRUE(eventually([&] { return domains().empty(); }));
}

TEST_F(OnDomains, AKilledQemuIsAHostFaultAndTheTestIsTriedOnceMore) {
  write_test("a", "# its other host dies\n# hosts: east west\n\neast# sleep 4; echo done\ndone\n");
  Process client(kvmtest({"run"}), directory_);
  ASSERT_TRUE(client.wait_for("suite/a: started")) << client.output();
  send_signal(domains().at(prefix_ + "west"), SIGKILL);
  EXPECT_EQ(client.finish(), 0) << client.output();
  const auto attempts = results().at("tests").at(0).at("attempts");
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts.at(0).at("issues").at(0).at("name"), "HOST-FAULT");
  EXPECT_EQ(attempts.at(1).at("verdict"), "passed");
  EXPECT_NE(client.output().find("1 flaky"), std::string::npos) << client.output();
}

TEST_F(OnDomains, AGuestThatPanicsHangsOrLeavesIsThatTestsResult) {
  write_test("a-panics", "# panics\n# hosts: east\n\neast# echo c >/proc/sysrq-trigger\n");
  write_test("b-leaves", "# powers off\n# hosts: east\n\neast# poweroff -f\n");
  write_test("c-fine", quick);
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(verdicts(),
            (std::map<std::string, std::string>{
                {"suite/a-panics", "failed"}, {"suite/b-leaves", "unresolved"}, {"suite/c-fine", "passed"}}))
      << ran.output;
}

TEST_F(OnDomains, APrefixInUseIsRefusedWithItsHolder) {
  if (!use_network_of_host()) GTEST_SKIP() << "not root";
  write_test("a", quick);
  ASSERT_EQ(run_kvmtest({"install"}).status, 0);
  EXPECT_EQ(bridges().size(), 6U);
  const Result second = run_kvmtest({"run", "--state-dir", (directory_ / "other").string()});
  EXPECT_EQ(second.status, 3);
  EXPECT_NE(second.output.find("prefix 't1.' is in use by pid " + std::to_string(daemon_pid()) + " (" +
                               (directory_ / ".kvmtest").string() + ")"),
            std::string::npos)
      << second.output;
  EXPECT_EQ(run_kvmtest({"stop", "--daemon", "--state-dir", (directory_ / "other").string()}).status, 0);
}

TEST_F(OnDomains, InNamespacesOfTheirOwnTwoDaemonsHaveTheSamePrefix) {
  write_test("a", quick);
  ASSERT_EQ(run_kvmtest({"up", prefix_ + "east"}).status, 0);
  EXPECT_EQ(bridges().size(), 6U);
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/net"))
    EXPECT_FALSE(entry.path().filename().string().starts_with(prefix_)) << "seen by the machine";
  const std::string other = (directory_ / "other").string();
  const Result second = run_kvmtest({"run", "--state-dir", other});
  EXPECT_EQ(second.status, 0) << second.output;
  EXPECT_EQ(run_kvmtest({"uninstall", "--state-dir", other}).status, 0);
}

TEST_F(OnDomains, UninstallRemovesEverythingAndWhatIsAnothersStays) {
  if (!use_network_of_host()) GTEST_SKIP() << "not root";
  ASSERT_EQ(run_kvmtest({"install"}).status, 0);
  ASSERT_EQ(run_kvmtest({"uninstall"}).status, 0);
  EXPECT_TRUE(bridges().empty());
  const pid_t daemon = daemon_pid();
  EXPECT_TRUE(eventually([&] { return !is_alive(daemon); }));

  ASSERT_EQ(run({"ip", "link", "add", "t1.192_1_2", "type", "bridge"}).status, 0);
  const Result refused = run_kvmtest({"install"});
  EXPECT_EQ(refused.status, 3);
  EXPECT_NE(refused.output.find("is not kvmtest's"), std::string::npos) << refused.output;
  EXPECT_EQ(run_kvmtest({"uninstall"}).status, 0);
  EXPECT_EQ(bridges(), std::vector<std::string>{"t1.192_1_2"});
  EXPECT_EQ(run({"ip", "link", "del", "t1.192_1_2"}).status, 0);
}

TEST_F(OnDomains, BadInputStartsNothing) {
  write_test("a", "# who\n# hosts: earth\n\nearth# hostname\n");
  const std::vector<std::vector<std::string>> wrong{
      {"run"},   {"run", "nosuch"}, {"run", "--workers", "0"}, {"run", "--prefixes", "a/"}, {"run", "--nosuch"},
      {"nosuch"}};
  for (const auto& words : wrong) {
    std::vector<std::string> line{KVMTEST_PROGRAMS "/kvmtest"};
    line.insert(line.end(), words.begin(), words.end());
    const Result ran = run(line, directory_);
    EXPECT_EQ(ran.status, 2) << ran.output;
    EXPECT_EQ(std::count(ran.output.begin(), ran.output.end(), '\n'), 1) << ran.output;
  }
  EXPECT_FALSE(std::filesystem::exists(directory_ / ".kvmtest/kvmtestd.pid"));
}

}  // namespace
}  // namespace kvmtest::testing
