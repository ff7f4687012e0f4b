// Tests that want more processors than there are, on real domains: they stand still in turn, and whatever happens to
// one that stands still is in nobody's way.

#include <csignal>

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
  /// The prefix of a test that stands still; empty: there was none until the run was over.
  std::string one_that_stands_still() const {
    std::string prefix;
    eventually([&] {
      const Json status = Json::parse(run_kvmtest({"status", "--json"}).output);
      for (const auto& each : status.at("prefixes"))
        if (each.at("state").get<std::string>().starts_with("standing still")) prefix = each.at("prefix");
      return !prefix.empty() || status.at("run").is_null();
    });
    return prefix;
  }
  /// Of all attempts, together.
  [[nodiscard]] double frozen() const {
    double sum = 0;
    for (const auto& test : results().at("tests"))
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

TEST_F(SharingOnDomains, OneThatDiesWhileItStandsStillIsTheHostsFault) {
  Process running(on_one_processor(kvmtest({"run"})), directory_);
  ASSERT_TRUE(running.wait_for("started on")) << running.output();
  const std::string prefix = one_that_stands_still();
  ASSERT_NE(prefix, "") << running.output();
  send_signal(pid_of(prefix + "east"), SIGKILL);
  EXPECT_EQ(running.finish(std::chrono::seconds(300)), 0) << running.output();
  expect_all_passed(running.output());
  EXPECT_NE(running.output().find("HOST-FAULT"), std::string::npos) << running.output();
}

TEST_F(SharingOnDomains, AQemuThatDoesNotAnswerIsTheHostsFault) {
  Process running(on_one_processor(kvmtest({"run"})), directory_);
  ASSERT_TRUE(running.wait_for("started on")) << running.output();
  const std::string prefix = one_that_stands_still();
  ASSERT_NE(prefix, "") << running.output();
  send_signal(pid_of(prefix + "west"), SIGSTOP);
  EXPECT_EQ(running.finish(std::chrono::seconds(300)), 0) << running.output();
  expect_all_passed(running.output());
  EXPECT_NE(running.output().find("its QEMU has not answered for 10 s"), std::string::npos) << running.output();
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
