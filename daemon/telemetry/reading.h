#pragma once
// What every query shares: one consistent state, and columns as the core's values. For telemetry's own sources.

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

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

/// Of an empty list: zero. Of an even one: the lower of the two in the middle.
template <class Value>
Value median(std::vector<Value> values) {
  if (values.empty()) return {};
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace kvmtest::telemetry
