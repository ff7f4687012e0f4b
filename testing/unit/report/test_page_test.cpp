#include "report/test_page.h"

#include <gtest/gtest.h>

#include "example_run.h"

namespace kvmtest::report {
namespace {

/// A test that failed, and was tried again.
RunReport twice() {
  RunReport run;
  run.summary.run = core::RunId(7);
  Attempt first = attempt(1, core::Verdict::failed, 1, false);
  first.issues = {{"east", "output-different", "line 3: expected 'one', got 'two'"}, {"", "EOF", ""}};
  first.resets = {.boots = 1, .restores = 0, .loads = 2};
  first.use = {{"east", std::chrono::seconds(2), std::chrono::milliseconds(300)},
               {"west", std::chrono::seconds(1), std::chrono::milliseconds(150)}};
  Attempt second = attempt(2, core::Verdict::passed, 2);
  second.use.clear();
  second.prefix = core::Prefix("");
  run.summary.tests = {
      {.name = "netlab/gre", .verdict = core::Verdict::passed, .flaky = true, .attempts = {first, second}}};
  run.commands[core::AttemptId(1)] = {{"east", "echo two", std::chrono::milliseconds(10), std::chrono::seconds(2), 0},
                                      {"west", "sleep 99", std::chrono::seconds(2), std::chrono::minutes(1), -1}};
  run.points[core::AttemptId(1)] = {{1, "one", "ok", ""}, {2, "two", "not ok", ""}, {3, "three", "skip", "no disk"}};
  return run;
}

AttemptText of_first(const TestResult&, const Attempt& attempt) {
  if (attempt.number > 1) return {};
  return {"@@ -3 +3 @@\n-one\n+two\n", {{"east", "1\n2\n3\n4\n"}, {"west", ""}}};
}

TEST(TestPage, TellsAllOfATest) {
  const RunReport run = twice();
  EXPECT_EQ(test_page(run, run.summary.tests[0], of_first, 2, {}), R"(netlab/gre in run 7: passed, flaky

attempt 1 on a.: failed
  waited 1.00 s, reset 2.00 s, test 3.00 s, judged 0.01 s; 1 by boot; 2 back to
    a saved state
  used 3.00 s of processor time, starved 0.30 s (east 0.30 s, west 0.15 s),
    stood still for 0.50 s
  east: output-different  line 3: expected 'one', got 'two'
  EOF
  output: /out/1

expected, and got
@@ -3 +3 @@
-one
+two

points: 1 ok, 1 not ok, 1 skip
  ok 1 - one
  not ok 2 - two
  skip 3 - three: no disk

commands
         after            took  exit
        0.01 s          2.00 s     0  east# echo two
        2.00 s     1 min 0.0 s  none  west# sleep 99

console of east, without 2 lines before
3
4

console of west

attempt 2 on '': passed
  waited 1.00 s, reset 2.00 s, test 3.00 s, judged 0.01 s
  output: /out/2
)");
}

TEST(TestPage, IsHarmlessInColorToo) {
  const RunReport run = example();
  for (const TestResult& test : run.summary.tests) {
    std::string page = test_page(run, test, texts, 20, {true, 80});
    for (auto at = page.find('\x1b'); at != std::string::npos; at = page.find('\x1b')) {
      ASSERT_EQ(page[at + 1], '[');
      ASSERT_EQ(page[page.find_first_not_of("0123456789;", at + 2)], 'm') << page.substr(at, 20);
      page.erase(at, page.find('m', at) - at + 1);
    }
    for (const char c : page) EXPECT_TRUE(c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20) << page;
    EXPECT_EQ(page.find('\xff'), std::string::npos);
  }
}

TEST(TestPage, OfManyPointsTellsThoseThatAreNotOk) {
  RunReport run = twice();
  auto& points = run.points[core::AttemptId(1)];
  for (unsigned i = 4; i <= 60; ++i) points.push_back({i, "", i == 7 ? "todo" : "ok", ""});
  EXPECT_NE(test_page(run, run.summary.tests[0], of_first, 2, {})
                .find("points: 57 ok, 1 not ok, 1 todo, 1 skip\n  not ok 2 - two\n  skip 3 - three: no disk\n"
                      "  todo 7\n  and 57 ok\n"),
            std::string::npos);
  for (unsigned i = 61; i <= 2000; ++i) points.push_back({i, "", "not ok", ""});
  const std::string page = test_page(run, run.summary.tests[0], of_first, 2, {});
  EXPECT_NE(page.find("\n  and 57 ok, 943 not ok\n"), std::string::npos) << page.substr(page.size() - 200);
}

TEST(TestPage, PointsHavePartsAndDetails) {
  RunReport run = twice();
  run.points[core::AttemptId(1)] = {
      {1, "outer", "not ok", "exit=1", 0, "", "a comment\n"},
      {1, "in", "ok", "", 1, "duration_ms: 1\n"},
      {2, "bad", "not ok", "", 1, "message: |-\n  lost\x1b[2J\n"},
      {2, "late", "timeout", "45 seconds"},
      {3, "known", "xfail", "soon"},
  };
  EXPECT_NE(test_page(run, run.summary.tests[0], of_first, 2, {}).find(R"(
points: 1 ok, 2 not ok, 1 timeout, 1 xfail
  not ok 1 - outer: exit=1
      # a comment
    ok 1 - in
    not ok 2 - bad
        message: |-
          lost\x1b[2J
  timeout 2 - late: 45 seconds
  xfail 3 - known: soon
)"),
            std::string::npos);
}

TEST(TestPage, OfManyPointsTellsWhatThoseThatAreNotOkArePartsOf) {
  RunReport run = twice();
  auto& points = run.points[core::AttemptId(1)];
  points.clear();
  for (unsigned i = 1; i <= 60; ++i) {
    points.push_back({i, "group", "ok"});
    points.push_back({1, "part", i == 7 ? "not ok" : "ok", "", 1});
  }
  EXPECT_NE(test_page(run, run.summary.tests[0], of_first, 2, {})
                .find("not ok\n  ok 7 - group\n    not ok 1 - part\n  and 118 ok\n"),
            std::string::npos);
}

TEST(TestPage, OfATestThatWasNeverTried) {
  RunReport run;
  run.summary.run = core::RunId(7);
  const TestResult untested{.name = "netlab/gre", .verdict = core::Verdict::untested, .reason = "stopped"};
  EXPECT_EQ(test_page(run, untested, of_first, 2, {}), "netlab/gre in run 7: untested\n  stopped\n");
}

}  // namespace
}  // namespace kvmtest::report
