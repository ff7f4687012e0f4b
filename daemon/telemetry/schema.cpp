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

/// History asks for few columns of many runs: a test's decisive time stands beside its verdict, a run's figures in its
/// row.
constexpr std::string_view version_3 = R"sql(
ALTER TABLE tests ADD COLUMN inputs TEXT;        -- names all that decides about the test and its guests; NULL: unknown
ALTER TABLE tests ADD COLUMN seconds REAL;       -- of the final attempt's own commands
ALTER TABLE tests ADD COLUMN retried INTEGER NOT NULL DEFAULT 0;  -- attempts before the final one that did not pass,
                                                                  -- through no fault of the host
UPDATE tests SET
  seconds = (SELECT test_seconds FROM attempts a WHERE a.run = tests.run AND a.test = tests.ordinal AND a.final),
  retried = (SELECT count(*) FROM attempts a WHERE a.run = tests.run AND a.test = tests.ordinal AND NOT a.final
             AND a.verdict <> 'passed'
             AND NOT EXISTS (SELECT 1 FROM issues WHERE attempt = a.id AND name = 'HOST-FAULT'));

ALTER TABLE runs ADD COLUMN tests INTEGER NOT NULL DEFAULT 0;  -- how many it has
UPDATE runs SET tests = (SELECT count(*) FROM tests WHERE run = runs.id);

-- Of a finished run.
ALTER TABLE runs ADD COLUMN timeouts INTEGER;      -- attempts with one
ALTER TABLE runs ADD COLUMN boots INTEGER;
ALTER TABLE runs ADD COLUMN restores INTEGER;
ALTER TABLE runs ADD COLUMN loads INTEGER;
ALTER TABLE runs ADD COLUMN failed_resets INTEGER;
ALTER TABLE runs ADD COLUMN load REAL;             -- mean of its samples
ALTER TABLE runs ADD COLUMN cpu REAL;              -- the same
UPDATE runs SET
  timeouts = (SELECT count(DISTINCT a.id) FROM attempts a JOIN issues i ON i.attempt = a.id
              WHERE a.run = runs.id AND i.name = 'TIMEOUT'),
  (boots, restores, loads, failed_resets) =
    (SELECT coalesce(sum(ok AND method = 'boot'), 0), coalesce(sum(ok AND method = 'restore'), 0),
            coalesce(sum(ok AND method = 'load'), 0), coalesce(sum(NOT ok), 0) FROM resets WHERE run = runs.id),
  (load, cpu) = (SELECT avg(load), avg(cpu) FROM samples WHERE run = runs.id)
WHERE finished IS NOT NULL;
)sql";

/// Samples know what tasks waited for: the share of ten seconds in which some did, 0 to 1; NULL: not sampled then.
constexpr std::string_view version_4 = R"sql(
ALTER TABLE samples ADD COLUMN cpu_pressure REAL;
ALTER TABLE samples ADD COLUMN memory_pressure REAL;
ALTER TABLE samples ADD COLUMN io_pressure REAL;
ALTER TABLE runs ADD COLUMN cpu_pressure REAL;     -- mean of its samples
ALTER TABLE runs ADD COLUMN memory_pressure REAL;
ALTER TABLE runs ADD COLUMN io_pressure REAL;
)sql";

/// A domain may also come to its state by a swap with its spare, which went back to it ahead.
constexpr std::string_view version_5 = R"sql(
DROP VIEW attempt_resets;
CREATE VIEW attempt_resets AS
  SELECT attempt,
         sum(ok AND method = 'boot')                        AS boots,
         sum(ok AND method = 'restore')                     AS restores,
         sum(ok AND method IN ('load', 'swap'))             AS loads,
         sum(ok AND method = 'swap')                        AS swaps,      -- of the loads
         sum(NOT ok AND method <> 'boot')                   AS fallbacks,
         max(total)                                         AS longest
  FROM resets WHERE attempt IS NOT NULL GROUP BY attempt;
)sql";

/// Points: the results that a program told in TAP.
constexpr std::string_view version_6 = R"sql(
CREATE TABLE points (                     -- in their order
  attempt     INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
  number      INTEGER NOT NULL,
  description TEXT NOT NULL,
  result      TEXT NOT NULL CHECK (result IN ('ok', 'not ok', 'skip', 'todo')),
  reason      TEXT                        -- of skip and todo
);
CREATE INDEX points_by_attempt ON points(attempt);
)sql";

/// Points have parts, as TAP's subtests; further results; and what the test says of them. A constraint changes only
/// with its table.
constexpr std::string_view version_7 = R"sql(
ALTER TABLE points RENAME TO old_points;
DROP INDEX points_by_attempt;
CREATE TABLE points (                     -- in their order: a point, then its parts
  attempt     INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
  number      INTEGER NOT NULL,           -- among those of its level
  level       INTEGER NOT NULL DEFAULT 0, -- 0 of the test itself, 1 of a point's parts, …
  description TEXT NOT NULL,
  result      TEXT NOT NULL CHECK (result IN ('ok', 'not ok', 'skip', 'todo', 'xfail', 'xpass', 'timeout', 'error',
                                              'missing')),
  reason      TEXT,
  details     TEXT,                       -- YAML
  notes       TEXT                        -- lines that the test printed about it
);
INSERT INTO points(attempt, number, description, result, reason)
  SELECT attempt, number, description, result, reason FROM old_points ORDER BY rowid;
DROP TABLE old_points;
CREATE INDEX points_by_attempt ON points(attempt);
)sql";

/// What tests' hosts had of the machine's processors, and how long they wanted one and had none.
constexpr std::string_view version_8 = R"sql(
CREATE TABLE uses (
  attempt INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
  host    TEXT NOT NULL,
  used    REAL NOT NULL,                        -- processor time
  starved REAL NOT NULL,
  PRIMARY KEY (attempt, host)
) WITHOUT ROWID;
ALTER TABLE attempts ADD COLUMN used_seconds REAL;     -- of all its hosts; NULL: unknown
ALTER TABLE attempts ADD COLUMN starved_seconds REAL;  -- of the host that was so the longest; NULL: unknown
ALTER TABLE runs ADD COLUMN used REAL;                 -- of a finished run: its attempts' together
ALTER TABLE runs ADD COLUMN starved REAL;
)sql";

/// For how long tests stood still, and how many attempts did not pass for want of processors.
constexpr std::string_view version_9 = R"sql(
ALTER TABLE attempts ADD COLUMN frozen_seconds REAL;  -- NULL: of an older kvmtest, which let nothing stand still
ALTER TABLE runs ADD COLUMN frozen REAL;              -- of a finished run: its attempts' together
ALTER TABLE runs ADD COLUMN starved_attempts INTEGER; -- of a finished run: attempts with the issue STARVED
)sql";

constexpr std::array scripts_in_order{version_1, version_2, version_3, version_4, version_5,
                                      version_6, version_7, version_8, version_9};

int number(SQLite::Database& connection, const char* query) { return connection.execAndGet(query).getInt(); }

}  // namespace

std::span<const std::string_view> migrations() { return scripts_in_order; }

int checked_version(SQLite::Database& connection, int newest) {
  const int version = number(connection, "PRAGMA user_version");
  const int owner = number(connection, "PRAGMA application_id");
  const bool fresh = owner == 0 && version == 0 && number(connection, "SELECT count(*) FROM sqlite_master") == 0;
  if (owner != application && !fresh) throw std::runtime_error("is a database of another program");
  if (version < 0)
    throw std::runtime_error(
        fmt::format("has schema {}, which no kvmtest ever wrote: it is damaged; restore it, or move it away", version));
  if (version > newest) {
    throw std::runtime_error(
        fmt::format("was written by a newer kvmtest (schema {}, this one knows {}); use that one, or "
                    "another state directory",
                    version, newest));
  }
  return version;
}

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
