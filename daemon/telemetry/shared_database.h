#pragma once
// The daemon's database: its recorder's thread writes while clients' threads read.

#include <filesystem>
#include <span>

#include "base/mutex.h"
#include "core/ids.h"
#include "core/record.h"
#include "report/metrics.h"
#include "telemetry/database.h"
#include "telemetry/metrics.h"
#include "telemetry/queries.h"
#include "telemetry/writer.h"

namespace kvmtest::telemetry {

/// Any thread. All throw as Database, Writer and Queries do.
class SharedDatabase {
 public:
  explicit SharedDatabase(std::filesystem::path path)
      : database_(std::move(path), Database::User::daemon), writer_(database_) {}
  SharedDatabase(const SharedDatabase&) = delete;
  SharedDatabase& operator=(const SharedDatabase&) = delete;

  /// What `function` makes of the Queries. Nobody writes meanwhile.
  template <class Function>
  auto read(Function function) {
    const base::Lock lock(mutex_);
    Queries queries(database_);
    return function(queries);
  }
  [[nodiscard]] report::Metrics metrics() {
    const base::Lock lock(mutex_);
    return telemetry::metrics(database_);
  }
  /// See Writer.
  core::RunId create_run(const core::record::RunStarted& run, core::WallTime started) {
    const base::Lock lock(mutex_);
    return writer_.create_run(run, started);
  }
  [[nodiscard]] core::AttemptId next_attempt_id() {
    const base::Lock lock(mutex_);
    return writer_.next_attempt_id();
  }
  void append(std::span<core::record::Record> records) {
    const base::Lock lock(mutex_);
    writer_.append(records);
  }

 private:
  base::Mutex mutex_;
  Database database_ GUARDED_BY(mutex_);
  Writer writer_ GUARDED_BY(mutex_);
};

}  // namespace kvmtest::telemetry
