#pragma once
// A database with a writer on it, and a short way to put records into it.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "state_directory.h"
#include "telemetry/database.h"
#include "telemetry/writer.h"

namespace kvmtest::telemetry {

class TelemetryTest : public ::testing::Test {
 protected:
  StateDirectory state;
  Database database{state.database()};
  Writer writer{database};

  core::RunId create(std::vector<std::string> tests) { return writer.create_run(run_of(std::move(tests)), at(0)); }
  /// One batch: a record at 1 s, the next at 2 s, and so on. Returns them with their numbers.
  std::vector<core::record::Record> append(core::RunId run, std::vector<core::record::Body> bodies) {
    std::vector<core::record::Record> records;
    for (auto& body : bodies) records.push_back(record(run, std::move(body), 1 + static_cast<double>(records.size())));
    writer.append(records);
    return records;
  }
};

}  // namespace kvmtest::telemetry
