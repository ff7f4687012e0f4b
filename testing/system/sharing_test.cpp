// Tests that want more processors than there are, on real domains: they stand still in turn, and whatever happens to
// one that stands still is in nobody's way.

#include <algorithm>
#include <csignal>
#include <optional>

#include <sched.h>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

using Json = nlohmann::json;

/// Tests on three prefixes that work on both hosts, for a daemon that may use one processor.
class SharingOnDomains : public OnDomains {
 protected:
  SharingOnDomains() {
    prefixes_ = "t1. t2. t3.";
    std::string settings = read_file("kvmtest.yaml");
    settings.erase(settings.find(never_starved), std::string(never_starved).size());
    write_file("kvmtest.yaml", settings);
    for (char name = 'a'; name < 'j'; ++name) write_test(std::string(1, name), work);
  }
  static std::vector<std::string> on_one_processor(std::vector<std::string> words) {
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    int first = 0;
    while (!CPU_ISSET(first, &allowed)) ++first;
    words.insert(words.begin(), {"taskset", "-c", std::to_string(first)});
    return words;
  }
  /// The prefixes of tests that stand still; nothing: no run is on.
  [[nodiscard]] std::optional<std::vector<std::string>> standing_still() const {
    const Json status = Json::parse(run_kvmtest({"status", "--json"}).output);
    if (status.at("run").is_null()) return std::nullopt;
    std::vector<std::string> prefixes;
    for (const auto& each : status.at("prefixes"))
      if (each.at("state").get<std::string>().starts_with("standing still")) prefixes.push_back(each.at("prefix"));
    return prefixes;
  }
  /// One of them; empty: there was none until the run was over.
  [[nodiscard]] std::string one_that_stands_still() const {
    std::string prefix;
    eventually([&] {
      const auto prefixes = standing_still();
      if (prefixes && !prefixes->empty()) prefix = prefixes->front();
      return !prefixes || !prefix.empty();
    });
    return prefix;
  }
  /// Its host east may be the second of the two QEMUs that run it by turns, and the other one its spare.
  void signal_east(const std::string& prefix, int number) const {
    for (const auto& [domain, pid] : domains())
      if (domain.starts_with(prefix + "east")) send_signal(pid, number);
  }
  /// Sends the QEMUs of a test that stands still the signal: it is tried again, and the log tells why.
  void signal_one(int number, const std::string& told) const {
    Process running(on_one_processor(kvmtest({"run"})), directory_);
    ASSERT_TRUE(running.wait_for("started on")) << running.output();
    for (bool hit = false; !hit;) {
      const std::string prefix = one_that_stands_still();
      ASSERT_NE(prefix, "") << running.output();
      signal_east(prefix, number);
      // One that went on meanwhile does not have to answer to anybody.
      const auto still = standing_still();
      hit = number == SIGKILL || (still && std::find(still->begin(), still->end(), prefix) != still->end());
      if (!hit) signal_east(prefix, SIGCONT);
    }
    EXPECT_EQ(running.finish(std::chrono::seconds(300)), 0) << running.output();
    expect_all_passed(running.output());
    EXPECT_NE(running.output().find(told), std::string::npos) << running.output();
  }
  /// Of all attempts, together.
  [[nodiscard]] double frozen() const {
    double sum = 0;
    const Json run = results();
    for (const auto& test : run.at("tests"))
      for (const auto& attempt : test.at("attempts")) sum += attempt.at("frozen").get<double>();
    return sum;
  }
  void expect_all_passed(const std::string& output) const {
    const auto all = verdicts();
    EXPECT_EQ(all.size(), 9U);
    for (const auto& [test, verdict] : all) EXPECT_EQ(verdict, "passed") << test << "\n" << output;
  }

  static constexpr const char* work =
      "# works on both hosts\n# hosts: east west\n# command-timeout: 4s\n\n"
      "east# i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo $i\n20000\n"
      "west# i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo $i\n20000\n";
};

TEST_F(SharingOnDomains, TestsStandStillInTurnAndPass) {
  const Result ran = run(on_one_processor(kvmtest({"run"})), directory_);
  EXPECT_EQ(ran.status, 0) << ran.output;
  expect_all_passed(ran.output);
  EXPECT_GT(frozen(), 1.0) << ran.output;
  EXPECT_NE(ran.output.find("  stood still "), std::string::npos) << ran.output;
  EXPECT_TRUE(domains().empty());
}

TEST_F(SharingOnDomains, OneThatDiesWhileItStandsStillIsTheHostsFault) { signal_one(SIGKILL, "HOST-FAULT"); }

TEST_F(SharingOnDomains, AQemuThatDoesNotAnswerIsTheHostsFault) {
  signal_one(SIGSTOP, "its QEMU has not answered for 30 s");
}

TEST_F(SharingOnDomains, ADaemonThatIsKilledMeanwhileLeavesNoneThatStandsStill) {
  if (!use_network_of_host()) GTEST_SKIP() << "not root";
  ASSERT_EQ(run(on_one_processor(kvmtest({"run", "--detach"})), directory_).status, 0);
  ASSERT_NE(one_that_stands_still(), "");
  kill_daemon();
  EXPECT_FALSE(domains().empty());
  const Result ran = run(on_one_processor(kvmtest({"run", "--resume"})), directory_);
  EXPECT_EQ(ran.status, 0) << ran.output;
  expect_all_passed(ran.output);
  EXPECT_TRUE(domains().empty());
}

TEST_F(SharingOnDomains, AStopEndsThoseThatStandStill) {
  Process running(on_one_processor(kvmtest({"run"})), directory_);
  ASSERT_TRUE(running.wait_for("started on")) << running.output();
  ASSERT_NE(one_that_stands_still(), "") << running.output();
  running.signal(SIGINT);
  EXPECT_EQ(running.finish(), 130) << running.output();
  EXPECT_TRUE(domains().empty());
}

}  // namespace
}  // namespace kvmtest::testing
