#pragma once
// Takes records from every thread and hands them to the sink in batches, on a thread of its own: the core never waits
// for a disk, and nobody sees a record before it is durable.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "core/record.h"
#include "engine/event_sink.h"

namespace kvmtest::engine {

class Recorder {
 public:
  /// `failed`: told once each time the sink begins to fail, with its words, on the recorder's thread.
  Recorder(EventSink& sink, std::function<void(const std::string&)> failed);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  /// Hands over what it still has; gives up if the sink fails.
  ~Recorder();

  /// Any thread; does not wait.
  void put(std::int64_t run, core::record::Body body);
  /// Waits until everything put so far is durable. False: it is not after `patience`.
  bool flush(std::chrono::milliseconds patience);
  /// Waits until there is a record numbered above `sequence`, or for `patience`. Returns the newest one's number, and
  /// `sequence` when there is none. Any thread.
  std::int64_t wait_beyond(std::int64_t sequence, std::chrono::milliseconds patience);
  /// Ends every wait_beyond, for good.
  void release_waiting();

 private:
  void work();

  EventSink& sink_;
  std::function<void(const std::string&)> failed_;
  base::Mutex mutex_;
  base::Condition changed_;
  std::vector<core::record::Record> queue_ GUARDED_BY(mutex_);
  bool writing_ GUARDED_BY(mutex_) = false;
  enum class Ending { no, nobody_waits, now } ending_ GUARDED_BY(mutex_) = Ending::no;
  std::int64_t last_sequence_ GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace kvmtest::engine
