#pragma once
// Binding and running prepared statements in one call. For telemetry's own sources.

#include <SQLiteCpp/SQLiteCpp.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/ids.h"
#include "core/time.h"
#include "core/verdict.h"
#include "wire/record_json.h"

namespace kvmtest::telemetry {

inline void bind_value(SQLite::Statement& statement, int at, double value) { statement.bind(at, value); }
template <std::integral T>
void bind_value(SQLite::Statement& statement, int at, T value) {
  // SQLite has signed integers only; the ids and sizes stored stay far below 2^63.
  statement.bind(at, static_cast<std::int64_t>(value));
}
inline void bind_value(SQLite::Statement& statement, int at, const std::string& value) {
  statement.bindNoCopy(at, value);
}
inline void bind_value(SQLite::Statement& statement, int at, std::string_view value) {
  statement.bind(at, std::string(value));
}
inline void bind_value(SQLite::Statement& statement, int at, const char* value) { statement.bind(at, value); }
inline void bind_value(SQLite::Statement& statement, int at, std::nullopt_t) { statement.bind(at); }
inline void bind_value(SQLite::Statement& statement, int at, core::Duration value) {
  statement.bind(at, core::seconds(value));
}
inline void bind_value(SQLite::Statement& statement, int at, core::WallTime value) {
  statement.bind(at, wire::iso8601(value));
}
inline void bind_value(SQLite::Statement& statement, int at, core::Verdict value) {
  bind_value(statement, at, core::to_string(value));
}
inline void bind_value(SQLite::Statement& statement, int at, core::RunId value) {
  // 0 is outside any run: no row of runs.
  if (value.value == 0) return statement.bind(at);
  statement.bind(at, value.value);
}
template <class Tag, class Value>
void bind_value(SQLite::Statement& statement, int at, const core::Id<Tag, Value>& id) {
  bind_value(statement, at, id.value);
}

template <class... Values>
void bind_all(SQLite::Statement& statement, const Values&... values) {
  int at = 0;
  (bind_value(statement, ++at, values), ...);
}

/// Runs a statement that gives no rows; ready for the next use whatever happens. Returns the rows changed.
template <class... Values>
int execute(SQLite::Statement& statement, const Values&... values) {
  struct Reset {
    SQLite::Statement& statement;
    ~Reset() { statement.tryReset(); }
  } reset{statement};
  bind_all(statement, values...);
  return statement.exec();
}

}  // namespace kvmtest::telemetry
