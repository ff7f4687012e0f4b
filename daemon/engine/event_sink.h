#pragma once
// Where the stream of records goes to become durable.

#include <span>

#include "core/record.h"

namespace kvmtest::engine {

/// Called by the recorder's thread alone.
class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;

  /// Numbers the records and makes them durable, all or none. Throws std::exception with one line; the same records
  /// come again then.
  virtual void append(std::span<core::record::Record> records) = 0;
  /// They are durable: now they may be told.
  virtual void told(std::span<const core::record::Record> records) = 0;
};

}  // namespace kvmtest::engine
