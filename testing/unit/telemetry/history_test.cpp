#include "telemetry/history.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fixture.h"

namespace kvmtest::telemetry {
namespace {

using namespace core::record;
using core::RunId;
using core::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;

class HistoryTest : public TelemetryTest {
 protected:
  Database reader{state.database()};
  History history{reader};

  /// A run of one test with these inputs, and its end.
  RunId past(const std::string& inputs, Verdict verdict, milliseconds took = seconds(1)) {
    RunStarted run = run_of({"netlab/gre"});
    run.inputs = {inputs};
    const RunId id = writer.create_run(run, at(0));
    AttemptJudged body = judged(writer.next_attempt_id().value, "netlab/gre", verdict);
    body.split.test = took;
    if (verdict == Verdict::failed) body.issues = {{"east", "TIMEOUT", "no prompt"}};
    append(id, {body, end(verdict == Verdict::passed ? 1 : 0, verdict == Verdict::failed ? 1 : 0)});
    return id;
  }
  static RunFinished end(unsigned passed, unsigned failed, seconds makespan = seconds(60)) {
    RunFinished body;
    body.passed = passed;
    body.failed = failed;
    body.makespan = makespan;
    body.exit_status = failed > 0 ? 1 : 0;
    return body;
  }
};

TEST_F(HistoryTest, RunsComeWithTheirFigures) {
  const RunId run = create({"a", "b"});
  AttemptJudged slow = judged(1, "a", Verdict::failed);
  slow.issues = {{"east", "TIMEOUT", ""}, {"west", "TIMEOUT", ""}};
  ResetFinished reset;
  reset.method = "load";
  ResetFailed failed;
  failed.method = "load";
  Sample sample;
  sample.load = 3;
  sample.cpu = 0.5;
  Sample other = sample;
  other.load = 1;
  append(run, {reset, reset, failed, sample, other, slow, judged(2, "b"), end(1, 1)});
  const RunId open = create({"a"});

  const auto runs = history.runs(10);
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].run, open);
  EXPECT_FALSE(runs[0].outcome);
  EXPECT_EQ(runs[0].tests, 1U);
  EXPECT_FALSE(runs[0].load);
  EXPECT_EQ(runs[1].tests, 2U);
  EXPECT_EQ(runs[1].outcome, Outcome::completed);
  EXPECT_EQ(runs[1].counts, (report::Counts{.passed = 1, .failed = 1}));
  EXPECT_EQ(runs[1].timeouts, 1U) << "an attempt with two counts once";
  EXPECT_EQ(runs[1].loads, 2U);
  EXPECT_EQ(runs[1].failed_resets, 1U);
  EXPECT_DOUBLE_EQ(runs[1].load.value(), 2);
  EXPECT_EQ(runs[1].makespan, seconds(60));
  EXPECT_EQ(history.runs(1).size(), 1U);
}

TEST_F(HistoryTest, OnlyVerdictsWithTheSameInputsAreCompared) {
  past("one", Verdict::passed, seconds(2));
  past("one", Verdict::failed, seconds(4));  // changed
  past("two", Verdict::passed);              // somebody repaired it
  past("two", Verdict::unresolved);          // says nothing
  past("two", Verdict::passed, seconds(3));  // the same
  past("", Verdict::failed);                 // not known what it was
  past("", Verdict::passed);                 // the same
  const auto test = history.test("netlab/gre", 100);
  ASSERT_TRUE(test);
  EXPECT_EQ(test->compared, 2U);
  EXPECT_EQ(test->changed, 1U);
  EXPECT_EQ(test->passed, 4U);
  EXPECT_EQ(test->failed, 2U);
  EXPECT_EQ(test->other, 1U);
  EXPECT_EQ(test->median, seconds(1));
  EXPECT_EQ(test->most, seconds(4));
  ASSERT_EQ(test->verdicts.size(), 7U);
  EXPECT_EQ(test->verdicts[5].verdict, Verdict::failed) << "the newest first";
  EXPECT_EQ(test->verdicts[5].issue, "east: TIMEOUT: no prompt");
  EXPECT_TRUE(test->verdicts[4].inputs_changed);
  EXPECT_FALSE(test->verdicts[5].inputs_changed);

  const auto flaky = history.flaky(100, 20);
  ASSERT_EQ(flaky.tests.size(), 1U);
  EXPECT_EQ(flaky.runs.count, 7U);
  EXPECT_EQ(flaky.tests[0].changed, 1U);
  EXPECT_EQ(flaky.tests[0].compared, 2U);
  EXPECT_EQ(flaky.tests[0].verdicts, ".F.?.F.");
  EXPECT_TRUE(history.flaky(4, 20).tests.empty()) << "the change lies before the last four runs";
  EXPECT_FALSE(history.test("netlab/nosuch", 100));
}

TEST_F(HistoryTest, ARetryCountsUnlessTheHostWasToBlame) {
  const auto retried = [&](const char* issue) {
    const RunId run = create({"netlab/gre"});
    const auto id = writer.next_attempt_id().value;
    AttemptJudged first = judged(id, "netlab/gre", Verdict::failed);
    first.final = false;
    first.issues = {{"east", issue, ""}};
    append(run, {first, judged(id + 1, "netlab/gre", Verdict::passed, 2), end(1, 0)});
  };
  retried("HOST-FAULT");
  EXPECT_TRUE(history.flaky(100, 20).tests.empty());
  retried("output-different");
  const auto flaky = history.flaky(100, 20);
  ASSERT_EQ(flaky.tests.size(), 1U);
  EXPECT_EQ(flaky.tests[0].retried, 1U);
  EXPECT_EQ(flaky.tests[0].changed, 0U);
  EXPECT_EQ(history.test("netlab/gre", 100)->verdicts[0].retried, 1U);
}

TEST_F(HistoryTest, TheSlowestByMedianAndTheirTrend) {
  for (const int took : {1, 1, 3, 3}) {
    const RunId run = create({"slow", "quick", "broken"});
    const auto id = writer.next_attempt_id().value;
    AttemptJudged slow = judged(id, "slow");
    slow.split.test = seconds(took);
    AttemptJudged broken = judged(id + 2, "broken", Verdict::unresolved);
    broken.split.test = seconds(99);
    append(run, {slow, judged(id + 1, "quick"), broken, end(2, 0)});
  }
  const auto slowest = history.slowest(100, 20);
  ASSERT_EQ(slowest.tests.size(), 2U) << "what was not resolved has no time of its own";
  EXPECT_EQ(slowest.tests[0].name, "slow");
  EXPECT_EQ(slowest.tests[0].earlier, seconds(1));
  EXPECT_EQ(slowest.tests[0].later, seconds(3));
  EXPECT_EQ(slowest.tests[1].median, milliseconds(420));
  EXPECT_EQ(history.slowest(100, 1).tests.size(), 1U);
}

TEST_F(HistoryTest, LoadComparesCompletedRunsOfASize) {
  const auto run = [&](unsigned workers, std::size_t tests, seconds makespan, Outcome outcome = Outcome::completed) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < tests; ++i) names.push_back("t" + std::to_string(i));
    RunStarted started = run_of(names);
    started.workers = workers;
    const RunId id = writer.create_run(started, at(0));
    RunFinished body = end(static_cast<unsigned>(tests) - 1, 1, makespan);
    body.outcome = outcome;
    append(id, {body});
  };
  run(1, 10, seconds(100));
  run(1, 10, seconds(300));
  run(1, 10, seconds(900));
  run(2, 5, seconds(50));
  run(1, 4, seconds(1));
  run(1, 10, seconds(1), Outcome::stopped);
  const auto load = history.load(100, 0);
  EXPECT_EQ(load.least_tests, 5U);
  ASSERT_EQ(load.rows.size(), 2U);
  EXPECT_EQ(load.rows[0].workers, 1U);
  EXPECT_EQ(load.rows[0].prefixes, 2U);
  EXPECT_EQ(load.rows[0].runs, 3U);
  EXPECT_EQ(load.rows[0].makespan, seconds(300));
  EXPECT_DOUBLE_EQ(load.rows[0].failed, 10);
  EXPECT_DOUBLE_EQ(load.rows[1].failed, 20);
  EXPECT_EQ(history.load(100, 10).rows.size(), 1U);
}

TEST_F(HistoryTest, LoadTellsWhatTheLoadDecidedFromNumbers) {
  const auto run = [&](const std::string& settings, unsigned workers, std::size_t prefixes) {
    RunStarted started = run_of({"a"});
    started.settings = settings;
    started.workers = workers;
    started.prefixes.resize(prefixes);
    append(writer.create_run(started, at(0)), {end(1, 0, seconds(100))});
  };
  run("{}", 2, 16);
  run(R"({"automatic_workers": true, "automatic_prefixes": true})", 2, 16);
  run(R"({"automatic_workers": true, "automatic_prefixes": true})", 2, 12);
  run(R"({"automatic_prefixes": true})", 2, 16);
  const auto load = history.load(100, 0);
  ASSERT_EQ(load.rows.size(), 3U);
  EXPECT_FALSE(load.rows[0].automatic_workers || load.rows[0].automatic_prefixes);
  EXPECT_FALSE(load.rows[1].automatic_workers);
  EXPECT_TRUE(load.rows[1].automatic_prefixes);
  EXPECT_TRUE(load.rows[2].automatic_workers && load.rows[2].automatic_prefixes);
  EXPECT_EQ(load.rows[2].runs, 2U);
  EXPECT_TRUE(history.runs(1).front().automatic_prefixes);
}

TEST_F(HistoryTest, AnEmptyDatabaseHasNone) {
  EXPECT_TRUE(history.runs(10).empty());
  EXPECT_TRUE(history.slowest(10, 10).tests.empty());
  EXPECT_TRUE(history.flaky(10, 10).tests.empty());
  EXPECT_TRUE(history.load(10, 0).rows.empty());
}

}  // namespace
}  // namespace kvmtest::telemetry
