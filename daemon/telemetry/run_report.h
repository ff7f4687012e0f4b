#pragma once
// A run with its timeline, for reports.

#include <string>

#include "core/ids.h"
#include "report/run_report.h"
#include "telemetry/database.h"

namespace kvmtest::telemetry {

/// Reads all of `run`. Throws Error when the database fails, and for a run that is not in it. One thread at a time,
/// together with the Database.
report::RunReport run_report(Database& database, core::RunId run);

/// The same with `test` alone among its tests and their commands, without the run's resets and samples. Throws Error
/// when the run had no such test.
report::RunReport test_report(Database& database, core::RunId run, const std::string& test);

}  // namespace kvmtest::telemetry
