#pragma once
// Where the stream of records goes to become durable.

#include <span>
#include <stdexcept>

#include "core/record.h"

namespace kvmtest::engine {

/// Among these records is one that will not be taken later, either. what() says why.
class Unwritable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Called by the recorder's thread alone.
class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;

  /// Numbers the records and makes them durable, all or none. Throws std::exception with one line: Unwritable, and the
  /// same records come again in parts, until those that are to blame are found; or another, and they come again later.
  virtual void append(std::span<core::record::Record> records) = 0;
  /// They are durable: now they may be told.
  virtual void told(std::span<const core::record::Record> records) = 0;
};

}  // namespace kvmtest::engine
