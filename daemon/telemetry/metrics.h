#pragma once
// The figures for monitoring that the database has. Reads a row a run.

#include "report/metrics.h"
#include "telemetry/database.h"

namespace kvmtest::telemetry {

/// Everything but the daemon's activity. Throws Error. One thread at a time, together with the Database.
report::Metrics metrics(Database& database);

}  // namespace kvmtest::telemetry
