#pragma once
// What every query shares: one consistent state, and columns as the core's values. For telemetry's own sources.

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/record.h"
#include "core/time.h"
#include "core/verdict.h"
#include "telemetry/database.h"

namespace kvmtest::telemetry {

/// Reads one state: everything inside sees the same commits. Failures come out as Error.
template <class Read>
auto reading(Database& database, Read read) {
  try {
    const SQLite::Transaction transaction(database.connection());
    return read(database.connection());
  } catch (const Error&) {
    throw;
  } catch (const std::exception& failure) {
    throw database.error(failure.what());
  }
}

inline core::Duration duration(const SQLite::Column& column) {
  return core::Duration(static_cast<core::Duration::rep>(std::llround(column.getDouble() * 1e6)));
}

inline std::optional<core::Verdict> verdict(const SQLite::Column& column) {
  return column.isNull() ? std::nullopt : core::verdict_from(column.getText());
}

/// The median. Zero for an empty list; of an even number of values the lower of the two in the middle.
template <class Value>
Value median(std::vector<Value> values) {
  if (values.empty()) return {};
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The columns of `samples` that sample() reads, in its order.
inline constexpr const char* sample_columns =
    "load, cpu, memory_available, daemon_rss, resetting, testing, cpu_pressure, memory_pressure, io_pressure";

/// A sample from `row`, whose columns from `at` on are sample_columns.
inline core::record::Sample sample(SQLite::Statement& row, int at) {
  core::record::Sample out;
  out.load = row.getColumn(at++).getDouble();
  out.cpu = row.getColumn(at++).getDouble();
  out.memory_available = static_cast<std::uint64_t>(row.getColumn(at++).getInt64());
  out.daemon_rss = static_cast<std::uint64_t>(row.getColumn(at++).getInt64());
  out.resetting = row.getColumn(at++).getUInt();
  out.testing = row.getColumn(at++).getUInt();
  out.cpu_pressure = row.getColumn(at++).getDouble();
  out.memory_pressure = row.getColumn(at++).getDouble();
  out.io_pressure = row.getColumn(at).getDouble();
  return out;
}

}  // namespace kvmtest::telemetry
