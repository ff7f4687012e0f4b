#pragma once
// The tables, as the list of scripts that made them.

#include <span>
#include <string_view>

namespace SQLite {
class Database;
}

namespace kvmtest::telemetry {

/// Script n brings a database from version n to n + 1. Never edit one that was released: append.
std::span<const std::string_view> migrations();

/// The version of the schema that `connection` has, when it is one that a program with `newest` scripts may work with,
/// or bring up to date. Throws as migrate() does.
int checked_version(SQLite::Database& connection, int newest);

/// Runs the scripts `connection` has not seen, each in a transaction with its `PRAGMA user_version`. A failure leaves
/// the last complete version. Throws std::runtime_error when the database is newer than the list, of a version that
/// never was, or belongs to another program, SQLite::Exception when a script fails.
void migrate(SQLite::Database& connection, std::span<const std::string_view> scripts);

}  // namespace kvmtest::telemetry
