// Running suites on real domains: verdicts, files, exit status, accept, kvmsh.

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* greeting = "# greeting\n# hosts: east\n\neast# hostname\neast\n";

TEST_F(OnDomains, JudgesATestThatPassesAndOneThatDoesNot) {
  write_test("good",
             "# both hosts answer\n# hosts: east west\n\neast# hostname\neast\nwest# hostname\nwest\n"
             "west# ping -c 1 -W 5 192.1.2.23 | grep -o '1 received'\n1 received\n");
  write_test("bad", "# wrong on purpose\n# hosts: east\n\neast# echo two\nthree\neast# false\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{{"suite/good", "passed"}, {"suite/bad", "failed"}}));
  EXPECT_TRUE(domains().empty());

  const fs::path output = directory_ / ".kvmtest/runs/1/suite/bad/1";
  const auto result = nlohmann::json::parse(read_file(output / "result.json"));
  EXPECT_EQ(result.at("verdict"), "failed");
  EXPECT_EQ(result.at("issues").at(0).at("name"), "output-different");
  EXPECT_EQ(read_file(output / "east.console.txt"), "east# echo two\ntwo\n\neast# false\n[1]\n");
  EXPECT_NE(read_file(output / "east.console.raw").find("two\n"), std::string::npos);

  const Result diffs = run_kvmtest({"diffs"});
  EXPECT_EQ(diffs.status, 1);
  EXPECT_NE(diffs.output.find("-three\n+two\n"), std::string::npos) << diffs.output;

  EXPECT_EQ(run_kvmtest({"accept", "suite/bad"}).status, 0);
  EXPECT_EQ(read_file("suite/bad.test"),
            "# wrong on purpose\n# hosts: east\n\neast# echo two\ntwo\neast# false\n[1]\n");
  EXPECT_EQ(run_kvmtest({"run", "suite/bad"}).status, 0);
}

TEST_F(OnDomains, EachTestGetsCleanDomains) {
  write_test("a", "# leaves a mark\n# hosts: east\n\neast# touch /tmp/mark; ip link add d0 type dummy\n");
  write_test("b",
             "# finds none\n# hosts: east\n\neast# ls /tmp/mark\nls: /tmp/mark: No such file or directory\n[1]\n"
             "east# ip link show d0\nDevice \"d0\" does not exist.\n[1]\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
}

TEST_F(OnDomains, BackgroundUntilCollectAndLimits) {
  write_test("all",
             "# every kind of step\n# hosts: east west\n\neast(background server)# nc -l 7777\n"
             "west(until 20s)# echo hello | nc -N 192.1.2.23 7777\neast(collect server)#\nhello\n"
             "east(until 1s)# sleep 0.3; false\n[1]\n"
             "east# cat <<EOF\n> one\n> two\n> EOF\none\ntwo\n");
  write_test("slow", "# hangs\n# hosts: east\n\neast(timeout 1s)# echo before; sleep 1000\nbefore\neast# echo never\n");
  write_test("unsupported",
             "# needs what is not there\n# hosts: east\n\neast(requires)# test -e /nosuch\neast# echo never\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{
                            {"suite/all", "passed"}, {"suite/slow", "failed"}, {"suite/unsupported", "unsupported"}}))
      << ran.output;
  EXPECT_NE(ran.output.find("TIMEOUT"), std::string::npos) << ran.output;
}

TEST_F(OnDomains, TellsWhatEachHostHadOfTheProcessors) {
  write_test(
      "busy",
      "# east works, west waits\n# hosts: east west\n\neast# n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done\n");
  EXPECT_EQ(run_kvmtest({"run"}).status, 0);
  const auto use = results().at("tests").at(0).at("attempts").at(0).at("use");
  ASSERT_EQ(use.size(), 2U) << use;
  EXPECT_EQ(use.at(0).at("host"), "east");
  EXPECT_GT(use.at(0).at("used"), use.at(1).at("used")) << use;
  EXPECT_GT(use.at(0).at("used"), 0.0);
  const Result shown = run_kvmtest({"show", "busy"});
  EXPECT_NE(shown.output.find("of processor time, starved "), std::string::npos) << shown.output;
}

TEST_F(OnDomains, BinaryOutputSurvivesAndVeryLongOutputIsCut) {
  write_file("kvmtest.yaml", read_file("kvmtest.yaml") + "limits:\n  capture: 64KiB\n");
  write_test("long",
             "# more than is kept\n# hosts: east\n\neast# echo begin; head -c 300000 /dev/zero | tr '\\0' x | fold; "
             "echo end\n");
  Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 1);
  const std::string console = read_file(".kvmtest/runs/1/suite/long/1/east.console.txt");
  EXPECT_NE(console.find("begin"), std::string::npos);
  EXPECT_NE(console.find("bytes cut"), std::string::npos);
  EXPECT_NE(console.find("end\n"), std::string::npos);
  EXPECT_LT(console.size(), 80000U);

  ran = run_kvmsh(
      {prefix_ + "east", "stty -opost <&1; printf '\\000\\001\\377\\015\\012\\033[6n'; stty opost -onlcr <&1"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_NE(ran.output.find(std::string("\0\1\377\r\n\033[6n", 9)), std::string::npos);
}

TEST_F(OnDomains, TheShellGivesTheCommandsStatusAndBringsDomainsUp) {
  Result ran = run_kvmsh({prefix_ + "west", "exit_with() { return 42; }; hostname; exit_with"});
  EXPECT_EQ(ran.status, 42) << ran.output;
  EXPECT_NE(ran.output.find("west\n"), std::string::npos);
  // A prompt's look-alike in the output is output.
  ran = run_kvmsh({prefix_ + "west", "set | grep ^PS1; echo 'root@west:0# '; false"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_NE(ran.output.find("root@west:0# "), std::string::npos);
  // One that does not end is interrupted; the domain stays usable.
  ran = run_kvmsh({"--timeout", "1", prefix_ + "west", "sleep 1000"});
  EXPECT_EQ(ran.status, 3);
  EXPECT_EQ(run_kvmsh({prefix_ + "west", "true"}).status, 0);
  // One that ends its domain gets a new one next time.
  ran = run_kvmsh({prefix_ + "west", "poweroff -f"});
  EXPECT_EQ(ran.status, 3);
  EXPECT_EQ(run_kvmsh({prefix_ + "west", "true"}).status, 0);
  EXPECT_EQ(domains().size(), 1U);
}

TEST_F(OnDomains, ALongCommandArrivesWhole) {
  const std::string word(20000, 'w');
  const Result ran = run_kvmsh({prefix_ + "east", "echo '" + word + "' | wc -c"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.output.find("20001\n"), std::string::npos) << ran.output;
}

TEST_F(OnDomains, TheEmptyPrefixWorksBesideAnother) {
  prefixes_ = "'' t1.";
  write_test("a", greeting);
  write_test("b", greeting);
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_NE(ran.output.find("started on t1."), std::string::npos) << ran.output;
}

}  // namespace
}  // namespace kvmtest::testing
