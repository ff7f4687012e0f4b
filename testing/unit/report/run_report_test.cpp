#include "report/run_report.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <string>
#include <utility>
#include <vector>

#include "example_run.h"
#include "report/timeline.h"

namespace kvmtest::report {
namespace {

using core::AttemptId;
using core::Host;
using core::Prefix;
using core::Verdict;
using nlohmann::json;
using std::chrono::seconds;

bool has_control(const std::string& text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') return true;
  return false;
}

TEST(Lanes, NoneOverlapsAndTheFirstFreeIsTaken) {
  const auto span = [](int from, int to) { return std::pair(start + seconds(from), start + seconds(to)); };
  EXPECT_EQ(lanes({span(0, 4), span(1, 2), span(2, 3), span(3, 9), span(4, 5)}),
            (std::vector<std::size_t>{0, 1, 1, 1, 0}));
}

TEST(TimelineOfARun, HasALaneAPrefixAndASlot) {
  const RunReport run = example();
  const Timeline times = timeline(run);
  ASSERT_EQ(times.prefixes.size(), 2U);
  EXPECT_EQ(times.prefixes[0].name, "prefix a.");
  EXPECT_EQ(times.prefixes[1].name, "prefix ''");
  ASSERT_EQ(times.prefixes[0].spans.size(), 18U) << "six attempts that started: waiting, reset, test";
  EXPECT_EQ(times.prefixes[0].spans[0].kind, "waiting");
  EXPECT_EQ(times.prefixes[0].spans[0].begin, seconds(7));
  EXPECT_EQ(times.prefixes[0].spans[2].begin, seconds(10));
  EXPECT_EQ(times.prefixes[0].spans[2].verdict, "passed");
  ASSERT_EQ(times.boots.size(), 2U);
  ASSERT_EQ(times.boots[0].spans.size(), 2U);
  EXPECT_EQ(times.boots[0].spans[1].kind, "failed");
  ASSERT_EQ(times.quick.size(), 1U);
}

// The beginning of a reset is reckoned back from its test's, and may come out before the last test's end.
TEST(TimelineOfARun, NothingInALaneOverlaps) {
  RunReport run = example();
  run.summary.tests.front().attempts.front().split.test += seconds(1000);
  const Timeline times = timeline(run);
  for (const Lane& lane : times.prefixes)
    for (std::size_t i = 1; i < lane.spans.size(); ++i)
      EXPECT_LE((lane.spans[i - 1].begin + lane.spans[i - 1].length).count(), lane.spans[i].begin.count()) << i;
}

TEST(JUnit, IsXmlWithASuiteADirectory) {
  const std::string report = junit_report(example(), texts);
  EXPECT_FALSE(has_control(report));
  EXPECT_EQ(report.find("\xef\xbf\xbf"), std::string::npos) << "U+FFFF is not for XML";
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(report.c_str()));
  const auto root = document.child("testsuites");
  EXPECT_EQ(root.attribute("tests").as_int(), 7);
  EXPECT_EQ(root.attribute("failures").as_int(), 1);
  EXPECT_EQ(root.attribute("errors").as_int(), 1);
  const auto net = root.find_child_by_attribute("testsuite", "name", "net");
  EXPECT_EQ(net.attribute("tests").as_int(), 4);
  EXPECT_EQ(net.attribute("skipped").as_int(), 1);
  EXPECT_STREQ(net.attribute("time").value(), "12.000");
  EXPECT_STREQ(net.attribute("timestamp").value(), "2026-07-30T12:00:00");
  std::vector<std::string> children;
  for (const auto test : net.children("testcase")) children.emplace_back(test.first_child().name());
  EXPECT_EQ(children, (std::vector<std::string>{"system-out", "failure", "error", "skipped"}));
  const auto failure = net.select_node("testcase/failure").node();
  EXPECT_STREQ(failure.attribute("type").value(), "TIMEOUT");
  EXPECT_NE(std::string(failure.child_value()).find("-expected\n+</script><script>alert(1)"), std::string::npos);
  EXPECT_NE(std::string(failure.child_value()).find("\nnot ok 1 - </script>"), std::string::npos) << "with its details";
  const auto other = root.find_child_by_attribute("testsuite", "name", "other");
  EXPECT_NE(
      std::string(other.select_node("testcase/flakyFailure/stackTrace").node().child_value()).find("output: /out/5"),
      std::string::npos);
  EXPECT_TRUE(root.find_child_by_attribute("testsuite", "name", "kvmtest").child("testcase"));
  EXPECT_EQ(
      std::string(net.select_node("testcase[failure]/system-out").node().child_value())
          .find("--- points: 1 ok, 1 not ok, 1 timeout, 1 todo, 1 skip ---\nok 1 - a # point\nnot ok 1 - </script>"),
      0U);
}

TEST(JUnit, IsWhatTheSchemaAsksFor) {
  if (std::system("command -v xmllint >/dev/null") != 0) GTEST_SKIP() << "there is no xmllint";
  std::string file = (std::filesystem::temp_directory_path() / "kvmtest-junit-XXXXXX").string();
  close(mkstemp(file.data()));
  for (const RunReport& run : {example(), RunReport{}}) {
    std::ofstream(file) << junit_report(run, texts);
    EXPECT_EQ(std::system(("xmllint --nonet --noout --schema " KVMTEST_JUNIT_SCHEMA " " + file).c_str()), 0);
  }
  std::filesystem::remove(file);
}

TEST(JUnit, AFailureAfterAnotherIsARerun) {
  RunReport run;
  run.summary.tests = {{.name = "a/b",
                        .verdict = Verdict::failed,
                        .attempts = {attempt(1, Verdict::unresolved, 1, false), attempt(2, Verdict::failed, 2)}}};
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(junit_report(run, texts).c_str()));
  EXPECT_TRUE(document.select_node("//testcase/failure"));
  EXPECT_TRUE(document.select_node("//testcase/rerunError/stackTrace"));
}

TEST(Tap, CountsEveryTestAndBailsOut) {
  const std::string report = tap_report(example());
  EXPECT_FALSE(has_control(report));
  EXPECT_EQ(report.find("TAP version 13\n1..7\nok 1 - net/passed<script>"), 0U);
  EXPECT_NE(report.find("\nnot ok 2 - net/failed"), std::string::npos);
  EXPECT_NE(report.find("\n    1..4\n    ok 1 - a \\# point\n        # Subtest: </script>"), std::string::npos);
  EXPECT_NE(report.find("\n        1..1\n        not ok 1 - part # TIMEOUT 9 s\n    not ok 2 - </script>"),
            std::string::npos);
  EXPECT_NE(report.find("\n      ---\n      </script>"), std::string::npos) << "details";
  EXPECT_NE(report.find("\n    ok 3 -  # SKIP </script>"), std::string::npos);
  EXPECT_NE(report.find("\n    not ok 4 - known # TODO soon\nnot ok 2 - net/failed"), std::string::npos);
  EXPECT_NE(report.find("alert(1)<!--]]>\\\\x1b[2J\"'&\\# "), std::string::npos) << "a # would begin a directive";
  EXPECT_NE(report.find("# SKIP unsupported: east: TIMEOUT"), std::string::npos);
  EXPECT_NE(report.find("\nok 5 - other/flaky\n  ---\n  verdict: passed\n  flaky: true\n"), std::string::npos);
  EXPECT_NE(report.find("\nnot ok 6 - other/untested\n"), std::string::npos);
  EXPECT_EQ(report.find(" 7 - "), std::string::npos) << "it has no verdict";
  EXPECT_TRUE(report.ends_with("\nBail out! the run was stopped\n"));
}

TEST(Tap, ReadsBackWithAllItsLevels) {
  RunReport run;
  run.summary.tests = {{.name = "a/b", .verdict = Verdict::failed, .attempts = {attempt(1, Verdict::failed, 1)}}};
  run.points[core::AttemptId(1)] = {{1, "out", "not ok", "", 0, "message: x\n", "said\n"},
                                    {1, "in", "ok", "", 1},
                                    {2, "in # 2", "xfail", "known", 1},
                                    {1, "deep", "error", "no disk", 2},
                                    {2, "next", "skip", "why"}};
  EXPECT_NE(tap_report(run).find(R"(
    # Subtest: a/b
    1..2
        # Subtest: out
        1..2
        ok 1 - in
            # Subtest: in \# 2
            1..1
            not ok 1 - deep # ERROR no disk
        not ok 2 - in \# 2 # TODO known
    not ok 1 - out
      ---
      message: x
      ...
    # | said
    ok 2 - next # SKIP why
not ok 1 - a/b
)"),
            std::string::npos)
      << tap_report(run);
}

TEST(Json, HasEveryTestAndReset) {
  const json report = json::parse(json_report(example()));
  EXPECT_EQ(report.at("outcome"), "stopped");
  EXPECT_EQ(report.at("tests").size(), 7U);
  EXPECT_EQ(report.at("tests").at(1).at("attempts").at(0).at("commands").size(), 2U);
  EXPECT_EQ(report.at("tests").at(1).at("attempts").at(0).at("points").at(4), (json{{"number", 4},
                                                                                    {"description", "known"},
                                                                                    {"result", "todo"},
                                                                                    {"reason", "soon"},
                                                                                    {"level", 0},
                                                                                    {"details", ""},
                                                                                    {"notes", ""}}));
  EXPECT_EQ(report.at("tests").at(6).at("verdict"), nullptr);
  EXPECT_EQ(report.at("resets").at(2).at("ok"), false);
  EXPECT_EQ(report.at("samples").at(0).at("load"), 1.5);
  EXPECT_EQ(report.at("counts").at("flaky"), 1);
}

TEST(Trace, IsAListOfEventsInTracks) {
  const json trace = json::parse(trace_report(example()));
  unsigned slices = 0;
  unsigned counters = 0;
  std::vector<std::string> threads;
  for (const json& event : trace.at("traceEvents")) {
    if (event.at("ph") == "X") ++slices;
    if (event.at("ph") == "C") ++counters;
    if (event.at("name") == "thread_name") threads.push_back(event.at("args").at("name"));
  }
  EXPECT_EQ(slices, 18U + 4U + 2U) << "of prefixes, of slots, commands";
  EXPECT_EQ(counters, 4U);
  EXPECT_EQ(threads, (std::vector<std::string>{"prefix a.", "prefix ''", "boots 1", "boots 2", "saved states 1"}));
}

TEST(Html, HoldsItsDataAsTextAlone) {
  const std::string page = html_report(example(), texts);
  EXPECT_FALSE(has_control(page));
  const std::string begin = R"(<script type="application/json" id="data">)";
  const std::size_t from = page.find(begin) + begin.size();
  const std::size_t to = page.find("</script>", from);
  const json data = json::parse(page.substr(from, to - from));
  EXPECT_EQ(data.at("tests").size(), 7U);
  EXPECT_NE(data.at("tests").at(0).at("name").get<std::string>().find("<script>alert(1)<!--"), std::string::npos);
  EXPECT_EQ(data.at("tests").at(1).at("attempts").at(0).at("consoles").at(0).at(0), "east");
  const json points = data.at("tests").at(1).at("attempts").at(0).at("points");
  EXPECT_EQ(points.at(0), "1 ok, 1 not ok, 1 timeout, 1 todo, 1 skip");
  EXPECT_TRUE(points.at(1).get<std::string>().ends_with("\ntodo 4 - known: soon\n")) << points;
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(data.at("lanes").size(), 5U);
}

TEST(Html, DiffsAreCutBeforeThePageGrowsTooLarge) {
  RunReport run;
  for (unsigned i = 0; i < 1500; ++i)
    run.summary.tests.push_back(
        {.name = "t" + std::to_string(i), .verdict = Verdict::failed, .attempts = {attempt(i + 1, Verdict::failed)}});
  const std::string page = html_report(run, [](const TestResult&, const Attempt&) {
    std::string diff;
    while (diff.size() < 100'000) diff += "-a line of what was expected\n";
    return AttemptText{diff, {}};
  });
  EXPECT_LT(page.size(), 5U << 20U);
  EXPECT_NE(page.find("(cut here"), std::string::npos);
}

}  // namespace
}  // namespace kvmtest::report
