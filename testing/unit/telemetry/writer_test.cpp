#include "telemetry/writer.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "fixture.h"
#include "telemetry/queries.h"
#include "telemetry/schema.h"

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

class WriterTest : public TelemetryTest {
 protected:
  RunId run = create({"netlab/gre", "netlab/dhcp"});

  std::vector<Record> append(std::vector<Body> bodies) { return TelemetryTest::append(run, std::move(bodies)); }
  std::string value(const std::string& query) { return database.connection().execAndGet(query).getString(); }
  std::string bug(std::vector<Body> bodies) {
    try {
      append(std::move(bodies));
    } catch (const NeverWritable& error) {
      return error.what();
    }
    return "taken";
  }
};

TEST_F(WriterTest, NumbersRecordsAcrossBatchesAndRestarts) {
  EXPECT_EQ(append({Notice{}, Notice{}})[1].sequence, 2);
  EXPECT_EQ(append({Notice{}})[0].sequence, 3);
  database.connection().exec("DELETE FROM records");
  Database again(state.database());
  Writer next(again);
  std::vector<Record> records{record(run, Notice{})};
  next.append(records);
  EXPECT_EQ(records[0].sequence, 4);
}

TEST_F(WriterTest, AttemptIdsRiseForTheLifeOfTheFile) {
  EXPECT_EQ(writer.next_attempt_id().value, 1U);
  append({started(1, "netlab/gre"), judged(1, "netlab/gre"), started(5, "netlab/dhcp")});
  EXPECT_EQ(writer.next_attempt_id().value, 6U);
  // Stopped before its test; its resets name it.
  ResetFinished reset;
  reset.attempt = core::AttemptId(8);
  append({reset});
  EXPECT_EQ(writer.next_attempt_id().value, 9U);
  database.connection().exec("DELETE FROM runs");
  EXPECT_EQ(Writer(database).next_attempt_id().value, 6U);
  EXPECT_EQ(writer.create_run(run_of({}), at(1)).value, 2);
}

TEST_F(WriterTest, KeepsWhatTheStreamSaysInItsTables) {
  const Domain east{Prefix("a."), Host("east")};
  AttemptJudged failed = judged(1, "netlab/gre", Verdict::failed);
  failed.issues = {{"east", "TIMEOUT", "ping\xff"}, {"", "EOF", ""}};
  append({ResetQueued{east, Ticket(1), 0, 1, 1, 2}, ResetStarted{east, Ticket(1), milliseconds(1200)},
          ResetFinished{east, Ticket(1), "boot", milliseconds(3210), milliseconds(2800), milliseconds(310),
                        milliseconds(1200)},
          ResetFailed{east, Ticket(2), true, "no memory", milliseconds(500), true, milliseconds(100)},
          started(1, "netlab/gre"),
          CommandFinished{core::AttemptId(1), "east", 3, "ip link", milliseconds(10), milliseconds(20), 1, 99},
          PointsJudged{core::AttemptId(1),
                       {{2, "a link\xff", "not ok", ""}, {1, "a disk", "skip", "none", 1, "a: b", "said"}}},
          failed, Sample{1.5, 0.25, 1000, 2000, 1, 2, 0.5, 0.125, 0.75}, DomainLost{east, true, "killed"}});
  EXPECT_EQ(
      value("SELECT group_concat(prefix||host||' '||coalesce(method,'-')||' '||waited||' '||total||' '||"
            "coalesce(boot,'-')||' '||coalesce(login,'-')||' '||ok||' '||host_fault||' '||coalesce(reason,'-'),'; ') "
            "FROM resets"),
      "a.east boot 1.2 3.21 2.8 0.31 1 0 -; a.east boot 0.1 0.5 - - 0 1 no memory");
  EXPECT_EQ(value("SELECT attempt||' '||ordinal||' '||host||' '||command||' '||at||' '||took||' '||status||' '||bytes "
                  "FROM commands"),
            "1 3 east ip link 0.01 0.02 1 99");
  EXPECT_EQ(
      value("SELECT number||' '||prefix||' '||verdict||' '||final||' '||waiting_seconds||' '||reset_seconds||' '||"
            "test_seconds||' '||judging_seconds||' '||output FROM attempts"),
      "1 a. failed 1 0.5 6.0 0.42 0.02 /out/netlab/gre");
  EXPECT_EQ(value("SELECT detail FROM issues WHERE ordinal = 0"), "ping\xff");
  EXPECT_EQ(value("SELECT group_concat(attempt||' '||number||' '||description||' '||result||' '||"
                  "coalesce(reason, '-')||' '||level||' '||coalesce(details, '-')||' '||coalesce(notes, '-'), '; ') "
                  "FROM points"),
            "1 2 a link\xff not ok - 0 - -; 1 1 a disk skip none 1 a: b said");
  EXPECT_EQ(value("SELECT verdict FROM tests WHERE name = 'netlab/gre'"), "failed");
  EXPECT_EQ(value("SELECT load||' '||cpu||' '||memory_available||' '||daemon_rss||' '||resetting||' '||testing||' '||"
                  "cpu_pressure||' '||memory_pressure||' '||io_pressure FROM samples"),
            "1.5 0.25 1000 2000 1 2 0.5 0.125 0.75");
  EXPECT_EQ(value("SELECT time||' '||kind||' '||host||' '||host_fault||' '||reason FROM incidents"),
            "2026-07-30T12:00:10.000000Z domain-lost east 1 killed");
}

TEST_F(WriterTest, TellsHowEachAttemptsDomainsBecameClean) {
  const Domain east{Prefix("a."), Host("east")};
  const Domain west{Prefix("a."), Host("west")};
  const auto reset = [](const Domain& domain, const char* method, std::uint64_t attempt, int total) {
    return ResetFinished{.domain = domain,
                         .ticket = Ticket(1),
                         .method = method,
                         .total = milliseconds(total),
                         .attempt = core::AttemptId(attempt)};
  };
  ResetFinished saved = reset(east, "boot", 1, 4500);
  saved.save = milliseconds(1250);
  ResetFinished not_saved = reset(west, "boot", 1, 3000);
  not_saved.note = "its state was not saved: no room";
  ResetFinished restored = reset(west, "restore", 2, 500);
  restored.load = milliseconds(125);
  restored.verify = milliseconds(25);
  const ResetFailed fell_back{.domain = east,
                              .ticket = Ticket(1),
                              .host_fault = true,
                              .reason = "it does not answer",
                              .again = true,
                              .method = "load",
                              .attempt = core::AttemptId(2)};
  const ResetFailed failed_boot{
      .domain = east, .ticket = Ticket(1), .reason = "no shell", .attempt = core::AttemptId(2)};
  append({saved, not_saved, reset(east, "load", 2, 60), restored, fell_back, failed_boot, reset(east, "boot", 2, 4000),
          reset(east, "swap", 2, 30), reset(east, "boot", 0, 9000), SnapshotsGivenUp{east, "it does not answer"}});
  EXPECT_EQ(value("SELECT group_concat(attempt||': '||boots||' '||restores||' '||loads||' '||swaps||' '||fallbacks||' '"
                  "||longest, '; ') FROM attempt_resets"),
            "1: 2 0 0 0 0 4.5; 2: 1 1 2 1 1 4.0")
      << "a swap is a load that went ahead";
  EXPECT_EQ(value("SELECT count(*) FROM resets WHERE attempt IS NULL"), "1") << "of no attempt, not of attempt 0";
  EXPECT_EQ(
      value("SELECT group_concat(save||' '||coalesce(note,'-'),'; ') FROM resets WHERE method = 'boot' AND ok AND "
            "attempt = 1"),
      "1.25 -; 0.0 its state was not saved: no room");
  EXPECT_EQ(value("SELECT load||' '||verify FROM resets WHERE method = 'restore'"), "0.125 0.025");
  EXPECT_EQ(value("SELECT method||' '||host_fault||' '||reason FROM resets WHERE NOT ok AND host_fault"),
            "load 1 it does not answer");
  EXPECT_EQ(value("SELECT kind||' '||prefix||host||' '||host_fault||' '||reason FROM incidents"),
            "snapshots-given-up a.east 1 it does not answer");
}

TEST_F(WriterTest, ATestGetsOneVerdictARun) {
  append({started(1, "netlab/gre"), judged(1, "netlab/gre"), started(2, "netlab/gre", 2)});
  EXPECT_EQ(bug({judged(2, "netlab/gre", Verdict::failed, 2)}),
            "bug: run 1: attempt-judged: test netlab/gre has a verdict already");
  EXPECT_EQ(bug({TestUntested{"netlab/gre", "stopped"}}),
            "bug: run 1: test-untested: test netlab/gre has a verdict already");
  EXPECT_EQ(value("SELECT verdict FROM tests WHERE ordinal = 0"), "passed");
  // Another run of the same test is another matter.
  run = writer.create_run(run_of({"netlab/gre"}), at(5));
  EXPECT_EQ(bug({judged(3, "netlab/gre", Verdict::failed)}), "taken");
}

TEST_F(WriterTest, TheDatabaseItselfHoldsOneFinalAttemptATest) {
  append({judged(1, "netlab/gre")});
  EXPECT_THROW(database.connection().exec("INSERT INTO attempts(id, run, test, number, prefix, verdict, final) "
                                          "VALUES (2, 1, 0, 2, 'a.', 'failed', 1)"),
               SQLite::Exception);
}

TEST_F(WriterTest, AnAttemptIsJudgedOnce) {
  AttemptJudged first = judged(1, "netlab/gre", Verdict::unresolved);
  first.final = false;
  append({started(1, "netlab/gre"), first});
  EXPECT_EQ(bug({first}), "bug: run 1: attempt-judged: attempt 1 cannot be judged (again)");
  append({RunResumed{}, started(2, "netlab/dhcp"), RunResumed{}});
  EXPECT_EQ(bug({judged(2, "netlab/dhcp")}), "bug: run 1: attempt-judged: attempt 2 cannot be judged (again)");
}

TEST_F(WriterTest, RefusesWhatTheRunDoesNotHave) {
  EXPECT_EQ(bug({started(1, "netlab/vlan")}), "bug: run 1: test-started: the run has no test netlab/vlan");
  append({RunFinished{}});
  EXPECT_EQ(bug({RunFinished{}}), "bug: run 1: run-finished: the run is unknown or has ended already");
  run = RunId(77);
  EXPECT_THROW(append({Notice{}}), Error);
}

TEST_F(WriterTest, ABatchIsWrittenWholeOrNotAtAll) {
  append({Notice{false, "before"}});
  EXPECT_NE(bug({Notice{false, "with it"}, judged(1, "netlab/gre"), judged(2, "netlab/gre")}), "taken");
  EXPECT_EQ(value("SELECT count(*) FROM records"), "1");
  EXPECT_EQ(value("SELECT count(*) FROM attempts"), "0");
  EXPECT_EQ(append({judged(1, "netlab/gre")})[0].sequence, 2);
}

TEST_F(WriterTest, ARunThatIsDeletedMeanwhileTakesNothingMore) {
  append({started(1, "netlab/gre")});
  database.connection().exec("DELETE FROM runs");
  EXPECT_NE(bug({judged(1, "netlab/gre")}), "taken");
  EXPECT_NE(bug({Notice{}}), "taken");
  run = RunId(0);
  EXPECT_EQ(bug({Notice{}}), "taken");
}

TEST_F(WriterTest, ANewerSchemaIsNotWrittenTo) {
  database.connection().exec("PRAGMA user_version=99");
  const std::string schema = std::to_string(migrations().size());
  EXPECT_EQ(bug({Notice{}}), state.database().string() + ": was changed by another kvmtest (schema 99, this one has " +
                                 schema + "); 'kvmtest stop --daemon' ends this one");
  EXPECT_THROW(create({"netlab/gre"}), NeverWritable);
  EXPECT_EQ(value("SELECT count(*) FROM records"), "0");
}

TEST_F(WriterTest, RecordsOutsideAnyRunAreKeptToo) {
  run = RunId(0);
  append({Notice{false, "idle"}, Sample{}, ResetFinished{}});
  Queries queries(database);
  EXPECT_EQ(queries.records(RunId(0), 0, 10).size(), 3U);
  EXPECT_EQ(queries.records(RunId(1), 0, 10).size(), 0U);
}

TEST_F(WriterTest, SaysThatTheDiskIsFullAndGoesOnWhenItIsNot) {
  const std::string pages = value("PRAGMA page_count");
  database.connection().exec("PRAGMA max_page_count=" + pages);
  const auto fill = [&] {
    for (int i = 0; i < 100; ++i) append({Notice{false, std::string(20'000, 'x')}});
  };
  try {
    fill();
    FAIL() << "fitted";
  } catch (const Error& error) {
    EXPECT_EQ(dynamic_cast<const NeverWritable*>(&error), nullptr);
    EXPECT_EQ(std::string(error.what()), state.database().string() + ": database or disk is full");
  }
  const std::string before = value("SELECT count(*) FROM records");
  database.connection().exec("PRAGMA max_page_count=1000000");
  append({judged(1, "netlab/gre")});
  EXPECT_EQ(value("SELECT count(*) FROM records"), std::to_string(std::stoi(before) + 1));
  EXPECT_EQ(value("PRAGMA integrity_check"), "ok");
}

TEST_F(WriterTest, TwoTestsOfOneNameAreRefused) {
  EXPECT_THROW(writer.create_run(run_of({"netlab/gre", "netlab/gre"}), at(0)), Error);
  EXPECT_EQ(value("SELECT count(*) FROM runs"), "1");
}

}  // namespace
}  // namespace kvmtest::telemetry
