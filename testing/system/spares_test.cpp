// Spares on real domains: that they are off the network until they take their domain's place, that tests find nothing
// of them and nothing is left of them, and that whatever happens to one is nobody's fault.

#include <algorithm>
#include <fstream>
#include <set>

#include <signal.h>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

class SparesOnDomains : public OnDomains {
 protected:
  /// Tests of two hosts that take a while each, with these lines besides.
  void write_tests(const std::string& lines = "") const {
    for (const char* name : {"one", "two", "three", "four"})
      write_test(name, "# a test\n# hosts: east west\n\n" + lines + "west# sleep 2.5\n");
  }
  [[nodiscard]] unsigned resets(const char* kind) const {
    const auto run = nlohmann::json::parse(run_kvmtest({"results", "--json"}).output);
    return run.at("resets").at(kind).at("count").get<unsigned>();
  }
  [[nodiscard]] bool wait_for_spares() const {
    return eventually([&] {
      const auto up = domains();
      return up.contains(prefix_ + "east+2") && up.contains(prefix_ + "west+2");
    });
  }
  struct Ports {
    unsigned all = 0;
    unsigned up = 0;
  };
  /// Of the bridge that both hosts are on.
  [[nodiscard]] Ports ports() const {
    Ports ports;
    for (const auto& link : links()) {
      if (link.value("master", "") != prefix_ + "192_1_2") continue;
      const auto flags = link.at("flags").get<std::vector<std::string>>();
      ++ports.all;
      if (std::find(flags.begin(), flags.end(), "UP") != flags.end()) ++ports.up;
    }
    return ports;
  }
};

TEST_F(SparesOnDomains, ASpareIsOffTheNetworkUntilItTakesItsDomainsPlace) {
  write_tests();
  Process running(kvmtest({"run"}), directory_);
  ASSERT_TRUE(wait_for_spares()) << running.output();
  unsigned most = 0;
  do {
    const Ports seen = ports();
    EXPECT_LE(seen.up, 2U);
    most = std::max(most, seen.all);
  } while (!domains().empty());
  EXPECT_EQ(running.finish(), 0) << running.output();
  EXPECT_EQ(most, 4U);
  EXPECT_GT(resets("swaps"), 0U);
  EXPECT_TRUE(domains().empty());
  EXPECT_EQ(ports().all, 0U);
}

TEST_F(SparesOnDomains, NoTestFindsATraceOfAnotherOrOfTheSpare) {
  write_tests(
      "east# ls /tmp/trace; echo \"<$left>\"; left=here; touch /tmp/trace\nls: /tmp/trace: No such file or "
      "directory\n<>\n"
      "east# hostname; ip route show default; cat /sys/class/net/eth1/carrier\neast\n"
      "default via 192.1.2.254 dev eth1 \n1\n"
      "west# for i in 1 2 3; do ping -q -c 1 -W 5 192.1.2.23; done | grep -c '1 received, 0% packet loss'\n3\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output << run_kvmtest({"diffs"}).output;
  EXPECT_GT(resets("swaps"), 0U);
  EXPECT_EQ(resets("boots"), 2U);
  for (const char* name : {"one", "two", "three", "four"}) {
    const std::string console = read_file(std::string(".kvmtest/runs/1/suite/") + name + "/1/east.console.raw");
    EXPECT_EQ(console.find("waiting"), std::string::npos) << console;
  }
}

TEST_F(SparesOnDomains, ASpareThatIsKilledIsNobodysFault) {
  write_tests();
  Process running(kvmtest({"run"}), directory_);
  // Each may take its domain's place at any moment, and the run be over before there is a second one.
  std::set<pid_t> killed;
  ASSERT_TRUE(eventually([&] {
    const pid_t spare = pid_of(prefix_ + "east+2");
    if (spare > 0 && !killed.contains(spare) && send_signal(spare, SIGKILL)) killed.insert(spare);
    return killed.size() == 2 || (!killed.empty() && domains().empty());
  })) << running.output();
  EXPECT_EQ(running.finish(), 0) << running.output();
  for (const auto& [test, verdict] : verdicts()) EXPECT_EQ(verdict, "passed") << test << running.output();
  EXPECT_TRUE(domains().empty());
}

TEST_F(SparesOnDomains, AStateThatIsDamagedMeanwhileCostsNoTest) {
  write_tests();
  ASSERT_EQ(run_kvmtest({"run", "suite/one"}).status, 0);
  Process running(kvmtest({"run"}), directory_);
  ASSERT_TRUE(running.wait_for("started on")) << running.output();
  ASSERT_NE(ram(), "");
  for (const auto& entry : fs::recursive_directory_iterator(ram())) {
    if (entry.path().filename() != "memory.qcow2" || entry.path().string().find("/kept/") == std::string::npos)
      continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(entry.path()) / 2));
    file.write("damage", 6);
  }
  EXPECT_EQ(running.finish(), 0) << running.output();
  for (const auto& [test, verdict] : verdicts()) EXPECT_EQ(verdict, "passed") << test << running.output();
}

TEST_F(SparesOnDomains, ADeadDaemonsSparesAreFoundAndDestroyed) {
  if (!use_network_of_host()) GTEST_SKIP() << "not root";
  write_tests();
  {
    Process running(kvmtest({"run", "--detach"}), directory_);
    EXPECT_EQ(running.finish(), 0) << running.output();
  }
  ASSERT_TRUE(wait_for_spares());
  kill_daemon();
  EXPECT_FALSE(domains().empty());
  const Result ran = run_kvmtest({"run", "--resume"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_TRUE(domains().empty());
  EXPECT_EQ(run_kvmtest({"uninstall"}).status, 0);
  EXPECT_TRUE(bridges().empty());
}

TEST_F(SparesOnDomains, ThereAreNoneWhereTheSettingsSaySo) {
  write_tests();
  write_file("kvmtest.yaml", read_file("kvmtest.yaml") + "reset:\n  spares: false\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(resets("swaps"), 0U);
  EXPECT_GT(resets("loads"), 0U);
}

}  // namespace
}  // namespace kvmtest::testing
