// Programs as tests, and choosing, ordering and repeating tests, on real domains.

#include <csignal>

#include "fixture.h"
#include "hostile.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

class OnDomainsPrograms : public OnDomains {
 protected:
  void write_program(const std::string& name, const std::string& text) const {
    write_file(fs::path("suite") / name, "#!/bin/sh\n# " + name + "\n# hosts: east\n" + text);
    fs::permissions(directory_ / "suite" / name, fs::perms::owner_all);
  }
  [[nodiscard]] fs::path attempt(int run, const std::string& test, int number = 1) const {
    return directory_ / ".kvmtest/runs" / std::to_string(run) / test / std::to_string(number);
  }
};

TEST_F(OnDomainsPrograms, RunsCommandsOnItsDomainsAndNobodyElseDoes) {
  write_file(
      "suite/l.tests",
      "# both\n# hosts: east west\n"
      "tap: echo 1..2; test $(east hostname) = east && echo ok || echo not ok; west exit 7; test $? = 7 && echo ok "
      "- seven; echo kept >$KVMTEST_OUTPUT/kept\n"
      "parallel: east hostname & west hostname & east true; wait\n"
      "foreign: " +
          kvmsh({prefix_ + "nic", "true"}).front() + " " + prefix_ +
          "nic true\n"
          "stranger: KVMTEST_TOKEN=x east true\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(verdicts(),
            (std::map<std::string, std::string>{
                {"l/tap", "passed"}, {"l/parallel", "passed"}, {"l/foreign", "failed"}, {"l/stranger", "failed"}}))
      << ran.output;
  EXPECT_NE(ran.output.find("the test does not have " + prefix_ + "nic"), std::string::npos) << ran.output;
  const auto result = nlohmann::json::parse(read_file(attempt(1, "l/tap") / "result.json"));
  EXPECT_EQ(result.at("points").size(), 2U);
  const Result shown = run_kvmtest({"show", "l/tap"});
  EXPECT_NE(shown.output.find("\npoints: 2 ok\n  ok 1\n  ok 2 - seven\n"), std::string::npos) << shown.output;
  EXPECT_EQ(read_file(attempt(1, "l/tap") / "files/kept"), "kept\n");
  EXPECT_EQ(read_file(attempt(1, "l/tap") / "west.console.txt"), "west# exit 7\n[7]\n");
}

TEST_F(OnDomainsPrograms, PointsOfAllLevelsAreResults) {
  write_program("noise-first", "printf 'building...\\nok 1 - a\\nnot ok 2 - b\\n'\n");
  write_program("kselftest", R"(cat <<'END'
TAP version 13
1..3
# selftests: net: alpha.sh
# TAP version 13
# 1..3
# ok 1 one
# not ok 2 two
# ok 3 three # SKIP no driver
# # Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0
not ok 1 selftests: net: alpha.sh # exit=1
# selftests: net: gamma
ok 2 selftests: net: gamma # SKIP
# timeout set to 45
# selftests: net: delta
#
not ok 3 selftests: net: delta # TIMEOUT 45 seconds
END
)");
  EXPECT_EQ(run_kvmtest({"run"}).status, 1);
  EXPECT_EQ(verdicts(),
            (std::map<std::string, std::string>{{"suite/kselftest", "failed"}, {"suite/noise-first", "failed"}}));
  const Result noise = run_kvmtest({"show", "noise-first"});
  EXPECT_NE(noise.output.find("\n  point-failed  2 - b\n  tap-invalid  there is no plan"), std::string::npos)
      << noise.output;
  const Result tree = run_kvmtest({"show", "kselftest"});
  EXPECT_NE(tree.output.find(R"(
points: 1 ok, 2 not ok, 1 timeout, 2 skip
  not ok 1 - selftests: net: alpha.sh: exit=1
    ok 1 - one
    not ok 2 - two
    skip 3 - three: no driver
  skip 2 - selftests: net: gamma
  timeout 3 - selftests: net: delta: 45 seconds
      # timeout set to 45
)"),
            std::string::npos)
      << tree.output;
}

TEST_F(OnDomainsPrograms, ARunThatTestedNothingSaysSo) {
  write_program("lacks", "echo no driver; exit 77\n");
  const Result mild = run_kvmtest({"run"});
  EXPECT_EQ(mild.status, 0);
  EXPECT_NE(mild.output.find("\nnothing was tested: "), std::string::npos) << mild.output;
  EXPECT_EQ(run_kvmtest({"run", "--require-some"}).status, 1);
  const Result again = run_kvmtest({"results"});
  EXPECT_EQ(again.status, 1);
  EXPECT_NE(again.output.find("\nexit status 1: nothing was tested\n"), std::string::npos) << again.output;
  EXPECT_EQ(run_kvmtest({"run", "--require-some", "--skip", "unsupported"}).status, 0) << "the earlier result stands";
}

TEST_F(OnDomainsPrograms, ARunEndsWhenEnoughFailed) {
  for (const char* name : {"a", "b", "c"}) write_program(name, "false\n");
  EXPECT_EQ(run_kvmtest({"run", "--order", "listed", "--max-fail", "2"}).status, 1);
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{
                            {"suite/a", "failed"}, {"suite/b", "failed"}, {"suite/c", "untested"}}));
  const Result fast = run_kvmtest({"run", "--order", "listed", "--fail-fast"});
  EXPECT_NE(fast.output.find("no further test was begun after 1 that did not pass (--max-fail 1)"), std::string::npos)
      << fast.output;
  EXPECT_EQ(run_kvmtest({"run", "--fail-fast", "--max-fail", "2"}).status, 2);
}

TEST_F(OnDomainsPrograms, OneThatHangsGoesWithAllThatItStarted) {
  write_program("hangs", "# timeout: 2s\neast sleep 1000 &\nsleep 1233\n");
  write_program("next", "test $(east echo yes) = yes\n");
  const Result ran = run_kvmtest({"run", "--order", "listed"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{{"suite/hangs", "failed"}, {"suite/next", "passed"}}))
      << ran.output;
  // By its command line: its pid is one of the daemon's namespace.
  EXPECT_TRUE(processes_with("sleep 1233").empty());
}

TEST_F(OnDomainsPrograms, NothingThatOneLeftIsLeft) {
  write_program(
      "leaves",
      "setsid sleep 1234 &\n"
      "(setsid sh -c 'echo begun >$KVMTEST_OUTPUT/second; while :; do sleep 1236; done' </dev/null >/dev/null 2>&1 &)\n"
      "east true; while ! test -s $KVMTEST_OUTPUT/second; do :; done\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_NE(ran.output.find("suite/leaves: 3 processes that it left running were ended: "), std::string::npos)
      << ran.output;
  for (const char* seconds : {"1234", "1236"})
    EXPECT_TRUE(processes_with(std::string("sleep ") + seconds).empty()) << seconds;
  const std::string transcript = read_file(attempt(1, "suite/leaves") / "transcript.txt");
  EXPECT_NE(transcript.find("sleep 1234\n"), std::string::npos) << transcript;
}

TEST_F(OnDomainsPrograms, OneGoesWithItsDaemon) {
  write_program("leaves", "setsid sleep 1234 & sleep 1235\n");
  EXPECT_EQ(run_kvmtest({"run", "--detach"}).status, 0);
  const auto left = [] { return processes_with("sleep 1234").size() + processes_with("sleep 1235").size(); };
  EXPECT_TRUE(eventually([&] { return left() == 2; }));
  send_signal(daemon_pid(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return left() == 0; }));
}

TEST_F(OnDomainsPrograms, OneReachesNothingOfTheDaemonButItsOwnDomains) {
  for (const auto& [file, text] : hostile_suite()) write_file(file, text);
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(read_file(attempt(1, "hostile/works") / "files/kept"), "kept\n");
}

TEST_F(OnDomainsPrograms, WordsArriveAsTheyWereGiven) {
  write_file("suite/w.tests",
             "# words\n# hosts: east\n"
             "brackets: test \"$(east echo '[a,b]' '[]' '{}')\" = '[a,b] [] {}'\n"
             "dashes: test \"$(east echo -n x -- --timeout 5 --version)\" = 'x -- --timeout 5 --version'\n"
             "tests: east '[ -e /etc/passwd ]' && ! east '[ -e /nosuch ]'\n"
             "options: test \"$(east --timeout 50 -- echo --timeout 5)\" = '--timeout 5'\n"
             "unknown: east --nosuch true; test $? = 2\n"
             "empty: test \"$(east printf '%s.' \"''\" a)\" = .a.\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
}

TEST_F(OnDomainsPrograms, RetriesAreFlakyAndRepetitionsAreNot) {
  write_program("flaky", "# tags: odd\ntest -e ../tried || { touch ../tried; exit 1; }\n");
  write_program("good", "true\n");
  EXPECT_EQ(run_kvmtest({"run", "--tag", "odd", "--retries", "1"}).status, 0);
  auto tests = results().at("tests");
  ASSERT_EQ(tests.size(), 1U);
  EXPECT_EQ(tests[0].at("flaky"), true);
  EXPECT_EQ(tests[0].at("attempts").size(), 2U);
  EXPECT_TRUE(fs::exists(attempt(1, "suite/flaky", 1) / "result.json"));

  fs::remove(directory_ / "tried");
  const Result repeated = run_kvmtest({"run", "--repeat", "2"});
  EXPECT_EQ(repeated.status, 1) << repeated.output;
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{{"suite/flaky", "failed"}, {"suite/good", "passed"}}));

  EXPECT_EQ(run_kvmtest({"run", "--retries", "1", "--repeat", "2"}).status, 2);
  EXPECT_EQ(run_kvmtest({"run", "--tag", "none"}).status, 2);
  EXPECT_EQ(run_kvmtest({"run", "--start-at", "suite/none"}).status, 2);
}

TEST_F(OnDomainsPrograms, BisectFindsWhatBreaksATest) {
  // The domains are clean; this machine need not be.
  for (const char* name : {"a", "b", "d"}) write_program(name, "true\n");
  write_program("c", "touch ../left\n");
  write_program("z", "test ! -e ../left || { rm ../left; exit 1; }\n");
  const Result found = run_kvmtest({"bisect", "suite/z"});
  EXPECT_EQ(found.status, 1);
  EXPECT_NE(found.output.find("suite/z passes alone, and not after suite/c\n"), std::string::npos) << found.output;
  const Result pair = run_kvmtest({"bisect", "--pair", "suite/a", "suite/z"});
  EXPECT_EQ(pair.status, 0) << pair.output;
}

}  // namespace
}  // namespace kvmtest::testing
