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

/// Runs the scripts `connection` has not seen, each in a transaction with its `PRAGMA user_version`. A failure leaves
/// the last complete version. Throws std::runtime_error when the database is newer than the list or belongs to another
/// program, SQLite::Exception when a script fails.
void migrate(SQLite::Database& connection, std::span<const std::string_view> scripts);

}  // namespace kvmtest::telemetry
