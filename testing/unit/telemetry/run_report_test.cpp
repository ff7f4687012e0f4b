#include "telemetry/run_report.h"

#include <gtest/gtest.h>

#include "fixture.h"
#include "telemetry/metrics.h"

namespace kvmtest::telemetry {
namespace {

using namespace core::record;
using core::Domain;
using core::Host;
using core::Prefix;
using core::RunId;
using std::chrono::seconds;

class RunReportTest : public TelemetryTest {
 protected:
  /// A run of one test with a reset, a command and a sample.
  RunId example() {
    const RunId run = create({"netlab/gre"});
    ResetFinished reset;
    reset.domain = Domain{Prefix("a."), Host("east")};
    reset.method = "load";
    reset.total = seconds(1);
    reset.attempt = core::AttemptId(1);
    ResetFailed failed;
    failed.domain = reset.domain;
    failed.reason = "no memory";
    CommandFinished command;
    command.attempt = core::AttemptId(1);
    command.host = "east";
    command.command = "false";
    command.status = 1;
    Sample sample{.load = 1.5, .io_pressure = 0.25};
    RunFinished end;
    end.passed = 1;
    append(run, {failed, reset, started(1, "netlab/gre"), command, sample, judged(1, "netlab/gre"), end});
    return run;
  }
};

TEST_F(RunReportTest, OfOneTestHasWhatIsItsOwn) {
  const RunId run = create({"netlab/gre", "netlab/sit"});
  const auto ran = [](unsigned attempt, const char* command) {
    CommandFinished finished;
    finished.attempt = core::AttemptId(attempt);
    finished.command = command;
    return finished;
  };
  const core::Point last{2, "last", "ok", ""};
  append(run, {started(1, "netlab/gre"), ran(1, "one"), started(2, "netlab/sit"), ran(2, "two"),
               PointsJudged{core::AttemptId(1), {{1, "other", "ok", ""}}},
               PointsJudged{core::AttemptId(2), {{1, "first", "not ok", ""}}}, PointsJudged{core::AttemptId(2), {last}},
               judged(1, "netlab/gre"), judged(2, "netlab/sit")});
  const report::RunReport report = test_report(database, run, "netlab/sit");
  ASSERT_EQ(report.summary.tests.size(), 1U);
  EXPECT_EQ(report.summary.tests[0].name, "netlab/sit");
  ASSERT_EQ(report.commands.size(), 1U);
  EXPECT_EQ(report.commands.at(core::AttemptId(2)).at(0).command, "two");
  ASSERT_EQ(report.points.size(), 1U);
  ASSERT_EQ(report.points.at(core::AttemptId(2)).size(), 2U);
  EXPECT_EQ(report.points.at(core::AttemptId(2)).at(1), last);
  EXPECT_EQ(run_report(database, run).points.size(), 2U);
  EXPECT_THROW(test_report(database, run, "netlab"), Error);
}

TEST_F(RunReportTest, HasTheTimeline) {
  const RunId run = example();
  const report::RunReport report = run_report(database, run);
  ASSERT_EQ(report.resets.size(), 2U);
  EXPECT_FALSE(report.resets[0].ok);
  EXPECT_EQ(report.resets[0].reason, "no memory");
  EXPECT_EQ(report.resets[1].domain.name(), "a.east");
  EXPECT_EQ(report.resets[1].begin, at(1)) << "it ended at 2 s";
  EXPECT_EQ(report.resets[1].attempt.value, 1U);
  ASSERT_EQ(report.commands.at(core::AttemptId(1)).size(), 1U);
  EXPECT_EQ(report.commands.at(core::AttemptId(1))[0].status, 1);
  ASSERT_EQ(report.samples.size(), 1U);
  EXPECT_EQ(report.samples[0].time, at(5));
  EXPECT_DOUBLE_EQ(report.samples[0].sample.io_pressure, 0.25);
  EXPECT_EQ(report.summary.tests.size(), 1U);
  EXPECT_THROW(run_report(database, RunId(99)), Error);
}

TEST_F(RunReportTest, MetricsAddUpRuns) {
  EXPECT_FALSE(metrics(database).last);
  example();
  const RunId open = create({"netlab/gre"});
  append(open, {Sample{.load = 7}});
  const report::Metrics found = metrics(database);
  EXPECT_EQ(found.totals.completed, 1U);
  EXPECT_EQ(found.totals.passed, 1U);
  EXPECT_EQ(found.totals.loads, 1U);
  EXPECT_EQ(found.totals.failed_resets, 1U);
  EXPECT_EQ(found.last.value().run.value, 1);
  EXPECT_DOUBLE_EQ(found.sample.value().load, 7);
}

}  // namespace
}  // namespace kvmtest::telemetry
