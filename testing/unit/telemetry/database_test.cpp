#include "telemetry/database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/state_directory.h"
#include "state_directory.h"
#include "telemetry/schema.h"
#include "telemetry/writer.h"

namespace kvmtest::telemetry {
namespace {

std::string refusal(const std::filesystem::path& path) {
  try {
    const Database database(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "opened";
}

std::string value(SQLite::Database& connection, const std::string& query) {
  return connection.execAndGet(query).getString();
}

/// A file as a kvmtest that knew only the first `version` scripts left it.
void make_old(const std::filesystem::path& path, std::span<const std::string_view> scripts, std::size_t version) {
  SQLite::Database connection(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  migrate(connection, scripts.subspan(0, version));
}

TEST(Database, IsCreatedDurableAndChecked) {
  const StateDirectory state;
  Database database(state.database());
  EXPECT_EQ(value(database.connection(), "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(value(database.connection(), "PRAGMA synchronous"), "2");
  EXPECT_EQ(value(database.connection(), "PRAGMA foreign_keys"), "1");
  EXPECT_EQ(value(database.connection(), "PRAGMA user_version"), std::to_string(migrations().size()));
}

TEST(Database, CanBeOpenedTwiceAndAgain) {
  const StateDirectory state;
  const Database first(state.database());
  EXPECT_EQ(refusal(state.database()), "opened");
}

TEST(Database, RefusesWhatANewerVersionWrote) {
  const StateDirectory state;
  { Database(state.database()).connection().exec("PRAGMA user_version=99"); }
  EXPECT_EQ(refusal(state.database()),
            state.database().string() + ": was written by a newer kvmtest (schema 99, this one knows " +
                std::to_string(migrations().size()) + "); use that one, or another state directory");
}

// Its scripts were once looked for before the first one.
TEST(Database, RefusesASchemaThatNeverWas) {
  const StateDirectory state;
  { Database(state.database()).connection().exec("PRAGMA user_version=-1"); }
  EXPECT_EQ(refusal(state.database()), state.database().string() +
                                           ": has schema -1, which no kvmtest ever wrote: it is damaged; restore it, "
                                           "or move it away");
}

TEST(Database, ACommandChangesNoSchemaUnderAnOlderDaemon) {
  const StateDirectory state;
  const std::string newest = std::to_string(migrations().size());
  {
    SQLite::Database old(state.database().string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    migrate(old, migrations().first(migrations().size() - 1));
  }
  const int daemon = open(base::StateDirectory(state.path()).lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(daemon, LOCK_EX), 0);
  EXPECT_EQ(refusal(state.database()), state.database().string() +
                                           ": is in use by the daemon of an older kvmtest (schema " +
                                           std::to_string(migrations().size() - 1) + ", this one has " + newest +
                                           "); 'kvmtest stop --daemon' ends it");
  close(daemon);
  EXPECT_EQ(refusal(state.database()), "opened");
}

TEST(Database, RefusesAnotherProgramsFile) {
  const StateDirectory state;
  {
    SQLite::Database other(state.database().string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    other.exec("CREATE TABLE bookmarks(url TEXT); PRAGMA user_version=1");
  }
  EXPECT_EQ(refusal(state.database()), state.database().string() + ": is a database of another program");
  SQLite::Database other(state.database().string());
  EXPECT_EQ(value(other, "SELECT count(*) FROM sqlite_master"), "1");
}

TEST(Database, SaysInOneLineWhatCannotBeOpened) {
  const StateDirectory state;
  EXPECT_EQ(refusal(state.path() / "nowhere" / "kvmtest.db"),
            (state.path() / "nowhere" / "kvmtest.db").string() + ": unable to open database file");
  std::ofstream(state.database())
      << "this is not a database, but it is long enough to be taken for one by its size alone";
  EXPECT_EQ(refusal(state.database()), state.database().string() + ": file is not a database");
}

TEST(Migration, BringsEveryOlderVersionUpToDate) {
  for (std::size_t version = 0; version < migrations().size(); ++version) {
    const StateDirectory state;
    make_old(state.database(), migrations(), version);
    Database database(state.database());
    EXPECT_EQ(value(database.connection(), "PRAGMA user_version"), std::to_string(migrations().size()));
    Writer writer(database);
    EXPECT_EQ(writer.create_run(run_of({"netlab/gre"}), at(0)).value, 1);
  }
}

// Version 1 knew boots alone, and wrote no method of those that failed.
TEST(Migration, ResetsOfVersion1AreBoots) {
  const StateDirectory state;
  make_old(state.database(), migrations(), 1);
  {
    SQLite::Database old(state.database().string(), SQLite::OPEN_READWRITE);
    old.exec(
        "INSERT INTO runs(started, prefixes, workers, uri, accelerator, settings) VALUES ('t', '[]', 1, '', '', '')");
    old.exec(
        "INSERT INTO resets(run, time, prefix, host, method, waited, total, boot, login, ok) "
        "VALUES (1, 't', 'a.', 'east', 'boot', 0, 4.5, 4.0, 0.5, 1)");
    old.exec(
        "INSERT INTO resets(run, time, prefix, host, waited, total, ok, host_fault, reason) "
        "VALUES (1, 't', 'a.', 'west', 0, 2.0, 0, 1, 'no memory')");
    EXPECT_EQ(value(old, "PRAGMA user_version"), "1");
  }
  Database database(state.database());
  SQLite::Database& connection = database.connection();
  EXPECT_EQ(value(connection, "PRAGMA user_version"), std::to_string(migrations().size()));
  EXPECT_EQ(value(connection,
                  "SELECT group_concat(host||' '||method||' '||total||' '||ok||' '||coalesce(reason,'-')||' '||"
                  "coalesce(attempt,'-')||coalesce(save,'-')||coalesce(load,'-')||coalesce(verify,'-')||"
                  "coalesce(note,'-'),'; ') FROM resets"),
            "east boot 4.5 1 - -----; west boot 2.0 0 no memory -----");
  EXPECT_EQ(value(connection, "SELECT count(*) FROM attempt_resets"), "0")
      << "which attempts they were for is not known";
}

TEST(Migration, PointsOfVersion6StayInTheirOrder) {
  const StateDirectory state;
  make_old(state.database(), migrations(), 6);
  {
    SQLite::Database old(state.database().string(), SQLite::OPEN_READWRITE);
    old.exec(
        "INSERT INTO runs(started, prefixes, workers, uri, accelerator, settings) VALUES ('t', '[]', 1, '', '', '')");
    old.exec("INSERT INTO tests(run, ordinal, name) VALUES (1, 0, 'a')");
    old.exec("INSERT INTO attempts(run, test, number, prefix) VALUES (1, 0, 1, 'a.')");
    old.exec("INSERT INTO points VALUES (1, 2, 'two', 'not ok', NULL), (1, 1, 'one', 'skip', 'why')");
  }
  Database database(state.database());
  EXPECT_EQ(value(database.connection(),
                  "SELECT group_concat(attempt||' '||number||' '||level||' '||description||' '||result||' '||"
                  "coalesce(reason,'-')||coalesce(details,'-')||coalesce(notes,'-'),'; ') FROM points"),
            "1 2 0 two not ok ---; 1 1 0 one skip why--");
}

TEST(Migration, Version3FillsInWhatHistoryAsksFor) {
  const StateDirectory state;
  make_old(state.database(), migrations(), 2);
  {
    SQLite::Database old(state.database().string(), SQLite::OPEN_READWRITE);
    old.exec(
        "INSERT INTO runs(started, prefixes, workers, uri, accelerator, settings, finished, outcome) "
        "VALUES ('t', '[]', 1, '', '', '', 't', 'completed')");
    old.exec("INSERT INTO tests(run, ordinal, name, verdict) VALUES (1, 0, 'a', 'passed'), (1, 1, 'b', 'failed')");
    old.exec(
        "INSERT INTO attempts(run, test, number, prefix, verdict, final, test_seconds) VALUES "
        "(1, 0, 1, 'a.', 'failed', 0, 1.5), (1, 0, 2, 'a.', 'passed', 1, 2.5), (1, 1, 1, 'a.', 'failed', 1, 3.5)");
    old.exec("INSERT INTO issues VALUES (1, 0, 'east', 'TIMEOUT', ''), (3, 0, 'east', 'HOST-FAULT', '')");
    old.exec(
        "INSERT INTO resets(run, time, prefix, host, method, waited, total, ok) VALUES (1, 't', '', '', 'load', 0, 1, "
        "1)");
    old.exec(
        "INSERT INTO samples(run, time, load, cpu, memory_available, daemon_rss, resetting, testing) "
        "VALUES (1, 't', 2, 0.5, 0, 0, 0, 0), (1, 't', 4, 0.5, 0, 0, 0, 0)");
  }
  Database database(state.database());
  SQLite::Database& connection = database.connection();
  EXPECT_EQ(
      value(connection, "SELECT group_concat(seconds || ' ' || retried || coalesce(inputs, '-'), '; ') FROM tests"),
      "2.5 1-; 3.5 0-");
  EXPECT_EQ(value(connection,
                  "SELECT tests || ' ' || timeouts || ' ' || boots || ' ' || loads || ' ' || failed_resets || ' ' || "
                  "load || ' ' || cpu FROM runs"),
            "2 1 0 1 0 3.0 0.5");
}

// The list as it may look one day: rows of the old version are still there, in the new shape.
constexpr std::array<std::string_view, 3> growing{
    "CREATE TABLE runs(id INTEGER PRIMARY KEY, worker_count INTEGER)",
    "ALTER TABLE runs RENAME COLUMN worker_count TO workers; ALTER TABLE runs ADD COLUMN load REAL DEFAULT 0.5",
    "CREATE INDEX runs_by_workers ON runs(workers)"};

TEST(Migration, KeepsTheRowsOfTheOldVersion) {
  const StateDirectory state;
  make_old(state.database(), growing, 1);
  SQLite::Database connection(state.database().string(), SQLite::OPEN_READWRITE);
  connection.exec("INSERT INTO runs VALUES (7, 2)");
  migrate(connection, growing);
  EXPECT_EQ(value(connection, "SELECT id || ' ' || workers || ' ' || load FROM runs"), "7 2 0.5");
  EXPECT_EQ(value(connection, "PRAGMA user_version"), "3");
}

TEST(Migration, LeavesTheLastWholeVersionWhenAScriptFails) {
  const StateDirectory state;
  make_old(state.database(), growing, 1);
  SQLite::Database connection(state.database().string(), SQLite::OPEN_READWRITE);
  std::array<std::string_view, 3> broken = growing;
  broken[2] = "CREATE TABLE half(x); CREATE INDEX i ON nowhere(x)";
  EXPECT_THROW(migrate(connection, broken), SQLite::Exception);
  EXPECT_EQ(value(connection, "PRAGMA user_version"), "2");
  EXPECT_EQ(value(connection, "SELECT count(*) FROM sqlite_master WHERE name = 'half'"), "0");
  migrate(connection, growing);
  EXPECT_EQ(value(connection, "PRAGMA user_version"), "3");
}

}  // namespace
}  // namespace kvmtest::telemetry
