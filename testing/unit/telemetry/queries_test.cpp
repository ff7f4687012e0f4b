#include "telemetry/queries.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fixture.h"
#include "report/summary.h"
#include "wire/record_json.h"

namespace kvmtest::telemetry {
namespace {

using namespace core::record;
using core::Domain;
using core::Host;
using core::Prefix;
using core::RunId;
using core::Ticket;
using core::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;

class QueriesTest : public TelemetryTest {
 protected:
  Database reader{state.database()};
  Queries queries{reader};

  /// A run of this one test that took so long.
  void past_run(const std::string& test, milliseconds length, Verdict verdict = Verdict::passed) {
    const RunId run = create({test});
    AttemptJudged body = judged(writer.next_attempt_id().value, test, verdict);
    body.split.test = length;
    append(run, {body, RunFinished{}});
  }
};

TEST_F(QueriesTest, TheStreamIsReadBackFromAnyPoint) {
  const RunId run = create({"netlab/gre"});
  const RunId other = create({});
  append(run, {RunStarted{run_of({"netlab/gre"})}, started(1, "netlab/gre")});
  append(other, {Notice{}});
  append(run, {judged(1, "netlab/gre"), RunFinished{}});

  const std::vector<Record> all = queries.records(run, 0, 100);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(wire::kind(all[0].body), "run-started");
  EXPECT_EQ(std::get<RunStarted>(all[0].body).tests, std::vector<std::string>{"netlab/gre"});
  EXPECT_EQ(all[2].sequence, 4);
  EXPECT_EQ(all[1].time, at(2));
  EXPECT_EQ(all[1].run, run.value);

  const std::vector<Record> rest = queries.records(run, 2, 1);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(std::get<AttemptJudged>(rest[0].body).split.test, milliseconds(420));
  EXPECT_TRUE(queries.records(run, 5, 100).empty());
}

TEST_F(QueriesTest, LatestAndUnfinishedRun) {
  EXPECT_FALSE(queries.latest_run());
  EXPECT_FALSE(queries.unfinished_run());
  const RunId first = create({});
  const RunId second = create({});
  append(second, {RunFinished{}});
  EXPECT_EQ(queries.latest_run(), second);
  EXPECT_EQ(queries.unfinished_run(), first);
  append(first, {RunFinished{}});
  EXPECT_FALSE(queries.unfinished_run());
}

TEST_F(QueriesTest, ARunThatSomebodyStoppedDoesNotGoOnUnlessSomebodyResumedIt) {
  const RunId run = create({});
  EXPECT_TRUE(queries.stopped_runs().empty());
  append(run, {StopRequested{"control-C"}});
  EXPECT_FALSE(queries.unfinished_run());
  EXPECT_EQ(queries.stopped_runs(), std::vector{run});
  append(run, {RunResumed{}});
  EXPECT_EQ(queries.unfinished_run(), run);
  EXPECT_TRUE(queries.stopped_runs().empty());
  append(run, {StopRequested{"control-C"}, RunFinished{}});
  EXPECT_FALSE(queries.unfinished_run());
  EXPECT_TRUE(queries.stopped_runs().empty());
}

TEST_F(QueriesTest, AnUnknownRunIsAnError) {
  EXPECT_THROW(queries.resume_state(RunId(9)), Error);
  EXPECT_THROW(queries.run_summary(RunId(9)), Error);
  EXPECT_THROW(queries.results(RunId(9)), Error);
}

TEST_F(QueriesTest, AnInterruptedRunGoesOnWhereItWas) {
  const RunId run = create({"done", "under way", "to be tried again", "never begun", "given up"});
  AttemptJudged again = judged(3, "to be tried again", Verdict::unresolved);
  again.final = false;
  again.issues = {{"east", "HOST-FAULT", "QEMU was killed"}};
  append(run, {started(1, "done"), judged(1, "done"), started(2, "under way"), started(3, "to be tried again"), again,
               TestUntested{"given up", "no prefix was left"}});

  const Resume resume = queries.resume_state(run);
  EXPECT_EQ(resume.started, at(0));
  EXPECT_EQ(resume.created.settings, R"({"timeout":30})");
  EXPECT_EQ(resume.created.prefixes, (std::vector<std::string>{"a.", ""}));
  EXPECT_EQ(resume.created.tests.size(), 5U);
  EXPECT_EQ(resume.counts, (report::Counts{.passed = 1, .untested = 1, .undecided = 3}));
  ASSERT_EQ(resume.unjudged.size(), 1U);
  EXPECT_EQ(resume.unjudged[0].value, 2U);
  EXPECT_EQ(resume.tests[0].verdict, Verdict::passed);
  EXPECT_FALSE(resume.tests[1].verdict);
  EXPECT_EQ(resume.tests[2].attempts.at(0).verdict, Verdict::unresolved);
  EXPECT_EQ(resume.tests[2].attempts.at(0).issues, again.issues);
  EXPECT_TRUE(resume.tests[3].attempts.empty());
  EXPECT_EQ(resume.tests[4].reason, "no prefix was left");
}

TEST_F(QueriesTest, AttemptsThatDiedWithTheDaemonAreAbandonedAndDoNotMakeATestFlaky) {
  const RunId run = create({"netlab/gre"});
  append(run, {started(1, "netlab/gre")});
  append(run, {RunResumed{0, 1}});
  EXPECT_TRUE(queries.resume_state(run).unjudged.empty());
  append(run, {started(2, "netlab/gre", 2), judged(2, "netlab/gre", Verdict::passed, 2), RunFinished{}});

  const std::vector<report::TestResult> results = queries.results(run);
  ASSERT_EQ(results.at(0).attempts.size(), 2U);
  EXPECT_TRUE(results[0].attempts[0].abandoned);
  EXPECT_FALSE(results[0].attempts[0].verdict);
  EXPECT_EQ(results[0].verdict, Verdict::passed);
  EXPECT_FALSE(results[0].flaky);
}

TEST_F(QueriesTest, ResetsByHostAndMethod) {
  const auto reset = [](const char* prefix, const char* host, const char* method, int total) {
    return ResetFinished{
        .domain = {Prefix(prefix), Host(host)}, .ticket = Ticket(1), .method = method, .total = seconds(total)};
  };
  const RunId other = create({});
  append(other, {reset("a.", "east", "boot", 99)});
  const RunId run = create({});
  append(
      run,
      {reset("a.", "east", "boot", 4), reset("b.", "east", "boot", 8), reset("a.", "east", "swap", 1),
       reset("a.", "west", "boot", 5),
       ResetFailed{
           .domain = {Prefix("a."), Host("east")}, .ticket = Ticket(1), .reason = "no shell", .total = seconds(50)}});
  std::string told;
  for (const report::ResetTime& time : queries.reset_times(run))
    told += fmt::format("{} {} {} {}s; ", time.host.value, time.method, time.count, core::seconds(time.mean));
  EXPECT_EQ(told, "east boot 2 6s; east swap 1 1s; west boot 1 5s; ");
}

TEST_F(QueriesTest, TheSummaryHasWhatAReportNeeds) {
  const Domain east{Prefix("a."), Host("east")};
  const RunId run = create({"flaky", "failed", "untested", "starved"});
  AttemptJudged first = judged(1, "flaky", Verdict::unresolved);
  first.final = false;
  first.issues = {{"east", "HOST-FAULT", "QEMU was killed"}};
  AttemptJudged failed = judged(3, "failed", Verdict::failed);
  failed.issues = {{"east", "output-different", "line 4"}};
  const auto reset = [&](int total) {
    return ResetFinished{east, Ticket(1), "boot", seconds(total), seconds(2), seconds(1), seconds(0)};
  };
  ResetFinished not_saved = reset(9);
  not_saved.note = "its state was not saved: no room";
  failed.use = {{"east", milliseconds(1500), milliseconds(200)}, {"west", milliseconds(500), milliseconds(300)}};
  failed.frozen = milliseconds(700);
  AttemptJudged starved = judged(4, "starved", Verdict::unresolved);
  starved.final = false;
  starved.issues = {{"", "STARVED", "0.2 s of 1.0 s"}};
  RunFinished end;
  end.exit_status = 1;
  end.makespan = seconds(60);
  append(run, {reset(3), not_saved, reset(4), ResetFailed{east, Ticket(2), true, "no memory", seconds(1), true, {}},
               started(1, "flaky"), DomainLost{east, true, "killed"}, first, started(2, "flaky", 2),
               judged(2, "flaky", Verdict::passed, 2), started(3, "failed"), failed, started(4, "starved"), starved,
               started(5, "starved", 2), judged(5, "starved", Verdict::passed, 2), TestUntested{"untested", "stopped"},
               PrefixQuarantined{Prefix("b."), "bridge gone"}, end});

  const report::RunSummary summary = queries.run_summary(run);
  EXPECT_EQ(summary.outcome, Outcome::completed);
  EXPECT_EQ(summary.exit_status, 1);
  EXPECT_EQ(summary.makespan, seconds(60));
  EXPECT_EQ(summary.accelerator, "kvm");
  EXPECT_EQ(summary.settings, R"({"timeout":30})");
  EXPECT_EQ(report::count(summary.tests), (report::Counts{.passed = 2, .failed = 1, .untested = 1, .flaky = 1}));
  EXPECT_TRUE(summary.tests[0].flaky);
  EXPECT_EQ(summary.tests[0].attempts[1].split.reset, milliseconds(6000));
  EXPECT_EQ(summary.tests[1].attempts[0].issues, failed.issues);
  EXPECT_EQ(summary.tests[1].attempts[0].use, failed.use);
  EXPECT_EQ(summary.tests[1].attempts[0].frozen, failed.frozen);
  EXPECT_TRUE(summary.tests[0].attempts[1].use.empty());
  EXPECT_FALSE(summary.tests[3].flaky) << "what came of the first attempt was the host's doing";
  EXPECT_EQ(summary.host_faults.starved, 1U);
  EXPECT_EQ(summary.tests[1].attempts[0].output, "/out/failed");
  EXPECT_EQ(summary.tests[1].attempts[0].started, at(10));
  ASSERT_EQ(summary.not_saved.size(), 1U);
  EXPECT_EQ(summary.not_saved[0].domain, east.name());
  EXPECT_EQ(summary.not_saved[0].reason, not_saved.note);
  EXPECT_EQ(summary.not_saved[0].boots, 1U);
  EXPECT_EQ(summary.resets.boots.count, 3U);
  EXPECT_EQ(summary.resets.failed, 1U);
  EXPECT_EQ(summary.resets.boots.median, seconds(4));
  EXPECT_EQ(summary.resets.total, seconds(17));
  EXPECT_EQ(summary.host_faults.attempts, 1U);
  EXPECT_EQ(summary.host_faults.resets, 1U);
  EXPECT_EQ(summary.host_faults.domains, 1U);
  ASSERT_EQ(summary.quarantined.size(), 1U);
  EXPECT_EQ(summary.quarantined[0].reason, "bridge gone");
  EXPECT_NE(report::summary_text(summary, {}).find("east: output-different  line 4"), std::string::npos);
}

TEST_F(QueriesTest, TheSummaryOfARunUnderWayCountsUpToItsLastRecord) {
  const RunId run = create({"netlab/gre"});
  append(run, {started(1, "netlab/gre"), Notice{}});
  const report::RunSummary summary = queries.run_summary(run);
  EXPECT_FALSE(summary.outcome);
  EXPECT_FALSE(summary.exit_status);
  EXPECT_EQ(summary.makespan, seconds(2));
}

TEST_F(QueriesTest, AnAttemptThatNeverStartedHasItsVerdict) {
  const RunId run = create({"netlab/gre"});
  append(run, {judged(1, "netlab/gre", Verdict::unresolved)});
  const std::vector<report::TestResult> results = queries.results(run);
  EXPECT_EQ(results.at(0).verdict, Verdict::unresolved);
  EXPECT_FALSE(results[0].attempts.at(0).started);
}

TEST_F(QueriesTest, PastDurationsAreMediansOfTheLastAttempts) {
  for (const int length : {50'000, 1, 3, 2}) past_run("netlab/gre", seconds(length));
  past_run("netlab/gre", seconds(1000), Verdict::unresolved);
  past_run("netlab/dhcp", milliseconds(420), Verdict::failed);
  const std::vector<std::string> tests{"netlab/gre", "netlab/dhcp", "netlab/new"};
  EXPECT_EQ(queries.past_durations(tests),
            (std::map<std::string, core::Duration>{{"netlab/gre", seconds(2)}, {"netlab/dhcp", milliseconds(420)}}));
  for (int i = 0; i < 9; ++i) past_run("netlab/gre", seconds(7));
  EXPECT_EQ(queries.past_durations(tests).at("netlab/gre"), seconds(7));
  for (int i = 0; i < 9; ++i) past_run("netlab/gre", seconds(1));
  EXPECT_EQ(queries.past_durations(tests).at("netlab/gre"), seconds(1));
}

TEST_F(QueriesTest, TheNewestRunWithATest) {
  const RunId first = create({"netlab/gre", "netlab/sit"});
  const RunId second = create({"netlab/gre"});
  EXPECT_EQ(queries.latest_run_of("netlab/sit"), first);
  EXPECT_EQ(queries.latest_run_of("netlab/gre"), second);
  EXPECT_EQ(queries.latest_run_of("gre"), std::nullopt);
}

TEST_F(QueriesTest, WhatAnAttemptUsuallyCostsBesides) {
  EXPECT_EQ(queries.past_overhead(), std::nullopt);
  const auto past_attempt = [&](seconds waiting, seconds reset, Verdict verdict) {
    const RunId run = create({"netlab/gre"});
    AttemptJudged body = judged(writer.next_attempt_id().value, "netlab/gre", verdict);
    body.split.waiting = waiting;
    body.split.reset = reset;
    append(run, {body, RunFinished{}});
  };
  past_attempt(seconds(30), seconds(30), Verdict::unresolved);
  EXPECT_EQ(queries.past_overhead(), std::nullopt);
  for (const int reset : {100, 4, 3}) past_attempt(seconds(1), seconds(reset), Verdict::passed);
  EXPECT_EQ(queries.past_overhead(), seconds(5));
  for (int i = 0; i < 50; ++i) past_attempt(seconds(0), seconds(2), Verdict::failed);
  EXPECT_EQ(queries.past_overhead(), seconds(2));
}

TEST_F(QueriesTest, WhetherATestPassedTheLastTime) {
  past_run("netlab/gre", seconds(1), Verdict::failed);
  past_run("netlab/gre", seconds(1));
  past_run("netlab/dhcp", seconds(1));
  past_run("netlab/dhcp", seconds(1), Verdict::unresolved);
  past_run("netlab/sit", seconds(1), Verdict::unsupported);
  append(create({"netlab/gre"}), {TestUntested{"netlab/gre", "stopped"}});
  const std::vector<std::string> tests{"netlab/gre", "netlab/dhcp", "netlab/sit", "never"};
  EXPECT_EQ(queries.last_passed(tests),
            (std::map<std::string, bool>{{"netlab/gre", true}, {"netlab/dhcp", false}, {"netlab/sit", true}}));
}

TEST_F(QueriesTest, ARepeatedTestHasTheVerdictOfItsWorstAttempt) {
  const RunId run = create({"good", "bad"});
  AttemptJudged first = judged(1, "good");
  first.final = false;
  AttemptJudged failed = judged(2, "bad", Verdict::failed);
  failed.final = false;
  AttemptJudged last = judged(4, "bad", Verdict::passed, 2);
  last.test_verdict = Verdict::failed;
  append(run, {first, failed, judged(3, "good", Verdict::passed, 2), last});
  const auto results = queries.results(run);
  EXPECT_EQ(results[0].verdict, Verdict::passed);
  EXPECT_FALSE(results[0].flaky);
  EXPECT_EQ(results[1].verdict, Verdict::failed);
  EXPECT_FALSE(results[1].flaky);
}

}  // namespace
}  // namespace kvmtest::telemetry
