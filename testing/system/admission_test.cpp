// Runs whose workers and prefixes are as the load bears, on real domains.

#include <set>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

class AutomaticOnDomains : public OnDomains {
 protected:
  AutomaticOnDomains() { prefixes_ = "auto"; }

  void write_sleepers(char last, int seconds) const {
    for (char name = 'a'; name <= last; ++name)
      write_test(std::string(1, name),
                 "# sleeps\n# hosts: east\n\neast# sleep " + std::to_string(seconds) + "; echo done\ndone\n");
  }
  [[nodiscard]] std::set<std::string> prefixes_used() const {
    std::set<std::string> used;
    const auto run = results();
    for (const auto& test : run.at("tests"))
      for (const auto& attempt : test.at("attempts")) used.insert(attempt.at("prefix").get<std::string>());
    return used;
  }
  void expect_passed(std::size_t tests, const std::string& output) const {
    const auto all = verdicts();
    EXPECT_EQ(all.size(), tests);
    for (const auto& [test, verdict] : all) EXPECT_EQ(verdict, "passed") << test << "\n" << output;
  }
};

TEST_F(AutomaticOnDomains, WhileTestsSleepMorePrefixesAreTaken) {
  write_sleepers('h', 20);
  Process running(kvmtest({"run"}), directory_);
  ASSERT_TRUE(running.wait_for("started on a.")) << running.output();
  EXPECT_NE(run_kvmtest({"status"}).output.find("\nreserve   "), std::string::npos);
  EXPECT_TRUE(running.wait_for("started on b.")) << running.output();
  EXPECT_EQ(running.finish(std::chrono::seconds(300)), 0) << running.output();
  expect_passed(8, running.output());
  EXPECT_GE(prefixes_used().size(), 2U) << running.output();
}

TEST_F(AutomaticOnDomains, APrefixThatSomebodyUsesIsLeftOut) {
  write_sleepers('b', 1);
  Process shell(kvmsh({"a.east", "echo here; sleep 1000"}), directory_);
  ASSERT_TRUE(shell.wait_for("here")) << shell.output();
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  expect_passed(2, ran.output);
  EXPECT_FALSE(prefixes_used().contains("a.")) << ran.output;
  shell.signal(SIGTERM);
  shell.finish();
}

TEST_F(AutomaticOnDomains, OneTestTakesOnePrefixAndIsStoppedAsAnyOther) {
  write_sleepers('a', 1000);
  Process running(kvmtest({"run"}), directory_);
  ASSERT_TRUE(running.wait_for("prefixes a., ")) << running.output();
  ASSERT_TRUE(running.wait_for("started on a.")) << running.output();
  running.signal(SIGINT);
  EXPECT_EQ(running.finish(), 130) << running.output();
}

}  // namespace
}  // namespace kvmtest::testing
