#include "report/summary.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <utility>

namespace kvmtest::report {
namespace {

using core::Duration;
using core::Verdict;
using core::record::Outcome;
using std::chrono::milliseconds;

Attempt attempt(Verdict verdict, Duration test, std::vector<core::Issue> issues = {}) {
  Attempt attempt;
  attempt.prefix = core::Prefix("a.");
  attempt.verdict = verdict;
  attempt.final = true;
  attempt.split = {milliseconds(500), milliseconds(6000), test, milliseconds(20)};
  attempt.issues = std::move(issues);
  attempt.output = "/state/.kvmtest/output/run-12/attempt";
  return attempt;
}

TestResult test(const std::string& name, Attempt only) {
  TestResult result;
  result.name = name;
  result.verdict = only.verdict;
  result.attempts.push_back(std::move(only));
  return result;
}

TestResult untested(const std::string& name, const std::string& reason) {
  TestResult result;
  result.name = name;
  result.verdict = Verdict::untested;
  result.reason = reason;
  return result;
}

TestResult flaky(const std::string& name) {
  TestResult result = test(name, attempt(Verdict::passed, milliseconds(900)));
  Attempt first = attempt(Verdict::failed, milliseconds(30'000), {{"west", "TIMEOUT", "ping -c 1 192.1.2.23"}});
  first.final = false;
  result.attempts.front().number = 2;
  result.attempts.insert(result.attempts.begin(), std::move(first));
  result.flaky = true;
  return result;
}

RunSummary all_passed() {
  RunSummary run;
  run.run = core::RunId(12);
  run.prefixes = {"a.", ""};
  run.workers = 1;
  run.uri = "qemu:///embed?root=/state/.kvmtest/libvirt";
  run.accelerator = "emulated";
  run.outcome = Outcome::completed;
  run.exit_status = 0;
  run.makespan = milliseconds(192'400);
  run.tests = {test("netlab/ping-east", attempt(Verdict::passed, milliseconds(420)))};
  run.resets.boots = {2, milliseconds(3000)};
  run.resets.total = milliseconds(6000);
  return run;
}

RunSummary mixed() {
  RunSummary run = all_passed();
  run.workers = 2;
  run.exit_status = 1;
  run.tests = {
      test("netlab/ping-east", attempt(Verdict::passed, milliseconds(420))),
      test("netlab/gre", attempt(Verdict::failed, milliseconds(1500),
                                 {{"east", "output-different",
                                   "line 4: expected \"64 bytes from 10.9.9.1\", got \"\x1b[2Jping: "
                                   "sendto: Network is unreachable\""},
                                  {"west", "status-different", ""}})),
      flaky("netlab/wireguard"),
      test("netlab/vrf", attempt(Verdict::unresolved, milliseconds(10), {{"", "EOF", "the console of nic closed"}})),
      test("netlab/ipsec-tunnel", attempt(Verdict::unsupported, milliseconds(5), {{"east", "unsupported", "no esp4"}})),
      untested("netlab/http", "the run was stopped"),
      untested("netlab/dhcp", "the run was stopped"),
      untested("netlab/vlan", "no prefix was left"),
  };
  run.resets.boots = {3, milliseconds(3010)};
  run.resets.restores = {1, milliseconds(1200)};
  run.resets.loads = {14, milliseconds(210)};
  run.resets.swaps = {20, milliseconds(31)};
  run.resets.failed = 2;
  run.resets.fallbacks = 1;
  run.resets.total = milliseconds(60'000);
  run.snapshots_given_up = {{"b.nic", "it does not answer"}};
  run.not_saved = {{"a.east", "its state was not saved: no room", 2}};
  run.host_faults = {1, 1, 0};
  run.quarantined = {{core::Prefix("b."), "bridge kvmt-b0 is gone"}};
  return run;
}

TEST(Summary, OfARepeatedTestTheAttemptThatFailedIsShown) {
  RunSummary run = all_passed();
  TestResult repeated = test("netlab/gre", attempt(Verdict::failed, milliseconds(10), {{"east", "TIMEOUT", "ping"}}));
  repeated.attempts[0].final = false;
  repeated.attempts.push_back(attempt(Verdict::passed, milliseconds(10)));
  repeated.attempts[1].number = 2;
  run.tests.push_back(repeated);
  const std::string text = summary_text(run, {false, 100});
  EXPECT_NE(text.find("  netlab/gre  (on a., 1 of 2 attempts passed)\n    east: TIMEOUT  ping\n"), std::string::npos)
      << text;
}

TEST(Summary, OfARunThatPassed) {
  EXPECT_EQ(summary_text(all_passed(), {}), R"(run 12: 1 test on a. '' in 3 min 12.4 s
  1 reset worker, emulated, qemu:///embed?root=/state/.kvmtest/libvirt

  passed             1

slowest tests, without reset
          0.42 s  netlab/ping-east

where the time of the attempts went
  waiting for a slot          0.50 s    7 %
  reset                       6.00 s   86 %
  test                        0.42 s    6 %
  judging                     0.02 s    0 %
  makespan / bound             29.97

domains
  resets: 2 by boot (median 3.00 s), 0 failed
  host faults: none
)");
}

constexpr const char* of_a_run_that_did_not = R"(run 12: 8 tests on a. '' in 3 min 12.4 s
  2 reset workers, emulated, qemu:///embed?root=/state/.kvmtest/libvirt

  passed             2  (1 flaky)
  failed             1
  unresolved         1
  unsupported        1
  untested           3

failed
  netlab/gre  (on a.)
    east: output-different  line 4: expected "64 bytes from 10.9.9.1", got
        "\x1b[2Jping: sendto: Network is unreachable"
    west: status-different
    output: /state/.kvmtest/output/run-12/attempt

unresolved
  netlab/vrf  (on a.)
    EOF  the console of nic closed
    output: /state/.kvmtest/output/run-12/attempt

unsupported
  netlab/ipsec-tunnel  (on a.)
    east: unsupported  no esp4
    output: /state/.kvmtest/output/run-12/attempt

untested
  the run was stopped (2 tests)
    netlab/http netlab/dhcp
  no prefix was left (1 test)
    netlab/vlan

flaky: passed, but not at once
  netlab/wireguard
    attempt 1 on a.: failed
      west: TIMEOUT  ping -c 1 192.1.2.23
      output: /state/.kvmtest/output/run-12/attempt
    attempt 2 on a.: passed

slowest tests, without reset
          1.50 s  netlab/gre
          0.90 s  netlab/wireguard
          0.42 s  netlab/ping-east
          0.01 s  netlab/vrf
          0.01 s  netlab/ipsec-tunnel

where the time of the attempts went
  waiting for a slot          3.00 s    4 %
  reset                      36.00 s   50 %
  test                       32.84 s   46 %
  judging                     0.12 s    0 %
  makespan / bound              2.80

domains
  resets: 3 by boot (median 3.01 s), 1 started from a saved state (median 1.20
      s), 14 back to a saved state (median 0.21 s), 20 by a spare that was back
      already (median 0.03 s), 2 failed, 1 of them fell back to a boot
  b.nic was only booted after a while: it does not answer
  a.east: its state was not saved: no room (after 2 boots)
  host faults: 1 attempt, 1 reset
  prefix b. was given up: bridge kvmt-b0 is gone

exit status 1: not every test passed
)";

TEST(Summary, OfARunThatDidNot) { EXPECT_EQ(summary_text(mixed(), {}), of_a_run_that_did_not); }

TEST(Summary, ShowsWhatDiffersOfEachFailure) {
  const Differences differences = [](const Attempt& attempt) {
    return attempt.verdict == Verdict::failed ? "@@ -1,3 +1,3 @@\n east# echo\n-one\n+two\x1b[2J\n" : "";
  };
  const std::string text = summary_text(mixed(), {}, differences);
  EXPECT_NE(text.find("    west: status-different\n"
                      "       east# echo\n"
                      "      -one\n"
                      "      +two\\x1b[2J\n"
                      "    output: /state/"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("      west: TIMEOUT  ping -c 1 192.1.2.23\n         east# echo\n        -one\n"),
            std::string::npos)
      << "of a flaky test, too: " << text;
  EXPECT_NE(text.find("nic closed\n    output: "), std::string::npos) << "unresolved, and nothing differs: " << text;
}

TEST(Summary, ShowsWhatDiffersOfTheFirstFailuresOnly) {
  RunSummary run = all_passed();
  for (int i = 0; i < 500; ++i)
    run.tests.push_back(test(fmt::format("t{}", i), attempt(Verdict::failed, milliseconds(1))));
  std::string diff = "@@ -1,9 +1,9 @@\n";
  for (int i = 0; i < 100; ++i) diff += "-x\n";
  const std::string text = summary_text(run, {}, [&](const Attempt&) { return diff; });
  EXPECT_NE(text.find("      -x\n      (94 more differ)\n"), std::string::npos) << text;
  std::size_t lines = 0;
  for (auto at = text.find("      -x\n"); at != std::string::npos; at = text.find("      -x\n", at + 1)) ++lines;
  EXPECT_EQ(lines, 54U);  // of 9 tests, each with a line that says how many more
}

TEST(Summary, KeepsToItsWidthExceptForNamesAndPaths) {
  for (const unsigned width : {48U, 80U, 200U}) {
    std::istringstream lines(summary_text(mixed(), {.color = false, .width = width}));
    for (std::string line; std::getline(lines, line);) {
      if (line.find("/state/") != std::string::npos) continue;
      EXPECT_LE(line.size(), width) << line;
    }
  }
}

TEST(Summary, IsColouredOnlyWhenAskedAndTheTextIsTheSame) {
  EXPECT_EQ(summary_text(mixed(), {}).find('\x1b'), std::string::npos);
  std::string colored = summary_text(mixed(), {.color = true, .width = 80});
  EXPECT_NE(colored.find("\x1b[1;31mfailed\x1b[0m\n"), std::string::npos);
  for (std::size_t at; (at = colored.find('\x1b')) != std::string::npos;) {
    colored.erase(at, colored.find('m', at) - at + 1);
  }
  EXPECT_EQ(colored, summary_text(mixed(), {}));
}

TEST(Summary, SaysWhenARunIsNotOver) {
  RunSummary run = all_passed();
  run.outcome.reset();
  run.exit_status.reset();
  run.tests.push_back({.name = "netlab/gre", .verdict = {}, .reason = {}, .flaky = false, .attempts = {}});
  const std::string text = summary_text(run, {});
  EXPECT_NE(text.find("run 12: 2 tests on a. '' in 3 min 12.4 s, not finished\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  no verdict yet     1\n"), std::string::npos) << text;
}

TEST(Summary, SaysWhenNothingWasTested) {
  RunSummary run = all_passed();
  EXPECT_EQ(summary_text(run, {}).find("nothing was tested"), std::string::npos);
  run.tests[0].verdict = Verdict::unsupported;
  EXPECT_TRUE(summary_text(run, {}).ends_with(
      "\nnothing was tested: no test came to a result of its own (--require-some makes that a failure)\n"));
  run.exit_status = 1;
  EXPECT_TRUE(summary_text(run, {}).ends_with("\nexit status 1: nothing was tested\n"));
}

TEST(Summary, OfNothing) {
  RunSummary run;
  run.outcome = Outcome::stopped;
  run.exit_status = 130;
  const std::string text = summary_text(run, {});
  EXPECT_NE(text.find("exit status 130: the run was stopped\n"), std::string::npos) << text;
}

TEST(Counts, FlakyTestsArePassedOnes) {
  EXPECT_EQ(
      count(mixed().tests),
      (Counts{.passed = 2, .failed = 1, .unresolved = 1, .untested = 3, .unsupported = 1, .undecided = 0, .flaky = 1}));
}

}  // namespace
}  // namespace kvmtest::report
