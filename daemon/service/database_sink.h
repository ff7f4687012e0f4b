#pragma once
// The records' way into the database and the log.

#include <functional>
#include <span>
#include <string>
#include <utility>

#include "engine/event_sink.h"
#include "report/line.h"
#include "telemetry/shared_database.h"

namespace kvmtest::service {

/// The recorder's thread.
class DatabaseSink final : public engine::EventSink {
 public:
  /// `database` outlives it. `log`: takes the lines that people read.
  DatabaseSink(telemetry::SharedDatabase& database, std::function<void(const std::string&)> log)
      : database_(database), log_(std::move(log)) {}

  void append(std::span<core::record::Record> records) override {
    try {
      database_.append(records);
    } catch (const telemetry::NeverWritable& e) {
      throw engine::Unwritable(e.what());
    }
  }
  void told(std::span<const core::record::Record> records) override {
    for (const auto& record : records)
      if (const auto line = report::line(record)) log_(*line);
  }

 private:
  telemetry::SharedDatabase& database_;
  const std::function<void(const std::string&)> log_;
};

}  // namespace kvmtest::service
