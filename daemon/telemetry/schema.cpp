#include "telemetry/schema.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <array>
#include <stdexcept>
#include <string>

namespace kvmtest::telemetry {
namespace {

/// "kvmt": tells this program's files from others (PRAGMA application_id).
constexpr int application = 0x6b766d74;

// Times are ISO-8601 text in UTC with microseconds: they sort, and SQLite's date functions read them. Durations are
// seconds. A run of NULL is outside any run. Text that guests wrote is kept byte for byte and need not be UTF-8.
constexpr std::string_view version_1 = R"sql(
CREATE TABLE runs (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  started     TEXT NOT NULL,
  prefixes    TEXT NOT NULL,              -- JSON array
  workers     INTEGER NOT NULL,
  uri         TEXT NOT NULL,
  accelerator TEXT NOT NULL,
  settings    TEXT NOT NULL,              -- JSON, as the client gave it
  finished    TEXT,                       -- NULL: under way, or interrupted
  outcome     TEXT CHECK (outcome IN ('completed', 'stopped', 'infrastructure')),
  exit_status INTEGER,
  makespan    REAL,
  passed INTEGER, failed INTEGER, unresolved INTEGER, untested INTEGER, unsupported INTEGER, flaky INTEGER,
  CHECK ((finished IS NULL) = (outcome IS NULL))
);

CREATE TABLE tests (
  run     INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  name    TEXT NOT NULL,
  verdict TEXT CHECK (verdict IN ('passed', 'failed', 'unresolved', 'untested', 'unsupported')),
  reason  TEXT,                           -- of a test that ended without a final attempt
  PRIMARY KEY (run, ordinal)
) WITHOUT ROWID;
CREATE UNIQUE INDEX tests_by_name ON tests(name, run);

CREATE TABLE attempts (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  run             INTEGER NOT NULL,
  test            INTEGER NOT NULL,       -- ordinal
  number          INTEGER NOT NULL,
  prefix          TEXT NOT NULL,
  started         TEXT,                   -- NULL: its domains never came up
  verdict         TEXT CHECK (verdict IN ('passed', 'failed', 'unresolved', 'untested', 'unsupported')),
  final           INTEGER NOT NULL DEFAULT 0,
  abandoned       INTEGER NOT NULL DEFAULT 0,  -- died with its daemon
  waiting_seconds REAL,
  reset_seconds   REAL,
  test_seconds    REAL,
  judging_seconds REAL,
  output          TEXT,                   -- directory
  FOREIGN KEY (run, test) REFERENCES tests(run, ordinal) ON DELETE CASCADE,
  CHECK (NOT (final AND verdict IS NULL)),
  CHECK (NOT (abandoned AND verdict IS NOT NULL))
);
CREATE UNIQUE INDEX attempts_by_test ON attempts(run, test, number);
CREATE UNIQUE INDEX attempts_one_final ON attempts(run, test) WHERE final;

CREATE TABLE issues (
  attempt INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  host    TEXT NOT NULL,
  name    TEXT NOT NULL,
  detail  TEXT NOT NULL,
  PRIMARY KEY (attempt, ordinal)
) WITHOUT ROWID;

CREATE TABLE commands (
  attempt INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,               -- in the script
  host    TEXT NOT NULL,
  command TEXT NOT NULL,
  at      REAL NOT NULL,                  -- since the test's start
  took    REAL NOT NULL,
  status  INTEGER NOT NULL,
  bytes   INTEGER NOT NULL
);
CREATE INDEX commands_by_attempt ON commands(attempt);

CREATE TABLE resets (
  run        INTEGER REFERENCES runs(id) ON DELETE CASCADE,
  time       TEXT NOT NULL,               -- of its end
  prefix     TEXT NOT NULL,
  host       TEXT NOT NULL,
  method     TEXT,                        -- boot, restore or load, of failed ones too
  waited     REAL NOT NULL,               -- in the queue
  total      REAL NOT NULL,               -- after it
  boot       REAL,
  login      REAL,
  ok         INTEGER NOT NULL,
  host_fault INTEGER NOT NULL DEFAULT 0,
  reason     TEXT
);
CREATE INDEX resets_by_run ON resets(run);

CREATE TABLE incidents (
  run        INTEGER REFERENCES runs(id) ON DELETE CASCADE,
  time       TEXT NOT NULL,
  kind       TEXT NOT NULL,               -- 'domain-lost' or 'prefix-quarantined'
  prefix     TEXT NOT NULL,
  host       TEXT,
  host_fault INTEGER NOT NULL,
  reason     TEXT NOT NULL
);
CREATE INDEX incidents_by_run ON incidents(run);

CREATE TABLE samples (
  run              INTEGER REFERENCES runs(id) ON DELETE CASCADE,
  time             TEXT NOT NULL,
  load             REAL,
  cpu              REAL,                  -- busy share, 0 to 1
  memory_available INTEGER NOT NULL,      -- bytes
  daemon_rss       INTEGER NOT NULL,      -- bytes
  resetting        INTEGER NOT NULL,
  testing          INTEGER NOT NULL
);
CREATE INDEX samples_by_run ON samples(run);

CREATE TABLE records (                    -- the stream itself
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  run      INTEGER REFERENCES runs(id) ON DELETE CASCADE,
  time     TEXT NOT NULL,
  kind     TEXT NOT NULL,
  json     TEXT NOT NULL                  -- the body (wire/record_json.h)
);
CREATE INDEX records_by_run ON records(run);
)sql";

/// Resets have a method, parts and the attempt they were for; a domain may fall back to boots.
constexpr std::string_view version_2 = R"sql(
ALTER TABLE resets ADD COLUMN attempt INTEGER;  -- NULL: for none; it need not have come to start
ALTER TABLE resets ADD COLUMN save REAL;
ALTER TABLE resets ADD COLUMN load REAL;
ALTER TABLE resets ADD COLUMN verify REAL;
ALTER TABLE resets ADD COLUMN note TEXT;        -- why the state was not saved
UPDATE resets SET method = 'boot' WHERE method IS NULL;
CREATE INDEX resets_by_attempt ON resets(attempt);

-- What brought each attempt's domains to their clean shells, and how often that had to fall back to a boot.
CREATE VIEW attempt_resets AS
  SELECT attempt,
         sum(ok AND method = 'boot')                        AS boots,
         sum(ok AND method = 'restore')                     AS restores,
         sum(ok AND method = 'load')                        AS loads,
         sum(NOT ok AND method IN ('restore', 'load'))      AS fallbacks,
         max(total)                                         AS longest
  FROM resets WHERE attempt IS NOT NULL GROUP BY attempt;
)sql";

constexpr std::array scripts_in_order{version_1, version_2};

int number(SQLite::Database& connection, const char* query) { return connection.execAndGet(query).getInt(); }

/// The schema's version, when it is one this program may work with.
int checked_version(SQLite::Database& connection, int newest) {
  const int version = number(connection, "PRAGMA user_version");
  const int owner = number(connection, "PRAGMA application_id");
  const bool fresh = owner == 0 && version == 0 && number(connection, "SELECT count(*) FROM sqlite_master") == 0;
  if (owner != application && !fresh) throw std::runtime_error("is a database of another program");
  if (version > newest) {
    throw std::runtime_error(
        fmt::format("was written by a newer kvmtest (schema {}, this one knows {}); use that one, or "
                    "another state directory",
                    version, newest));
  }
  return version;
}

}  // namespace

std::span<const std::string_view> migrations() { return scripts_in_order; }

void migrate(SQLite::Database& connection, std::span<const std::string_view> scripts) {
  const int newest = static_cast<int>(scripts.size());
  while (checked_version(connection, newest) != newest) {
    SQLite::Transaction transaction(connection, SQLite::TransactionBehavior::IMMEDIATE);
    // Again, now that nobody else can write: another process may have migrated in between.
    const int version = checked_version(connection, newest);
    if (version == newest) return;
    connection.exec(std::string(scripts[static_cast<std::size_t>(version)]));
    connection.exec(fmt::format("PRAGMA application_id={}", application));
    connection.exec(fmt::format("PRAGMA user_version={}", version + 1));
    transaction.commit();
  }
}

}  // namespace kvmtest::telemetry
