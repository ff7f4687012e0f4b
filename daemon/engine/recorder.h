#pragma once
// Takes records from every thread and hands them to the sink in batches, on a thread of its own: the core never waits
// for a disk, and nobody sees a record before it is durable. While the sink fails, records wait in memory. One that it
// can never take is left out, so that it holds up no other.

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "core/record.h"
#include "engine/event_sink.h"

namespace kvmtest::engine {

class Recorder {
 public:
  /// Told on the recorder's thread.
  struct Troubles {
    /// Once each time the sink begins to fail, with its words.
    std::function<void(const std::string&)> failed;
    /// The first record of each run that is left out, and why.
    std::function<void(const core::record::Record&, const std::string&)> left_out;
  };
  Recorder(EventSink& sink, Troubles troubles);
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
  bool write(std::span<core::record::Record> records);
  void leave_out(const core::record::Record& record, const std::string& why);

  EventSink& sink_;
  const Troubles troubles_;
  std::set<std::int64_t> incomplete_;  ///< runs of which a record was left out; the recorder's thread alone
  base::Mutex mutex_;
  base::Condition changed_;
  std::vector<core::record::Record> queue_ GUARDED_BY(mutex_);
  bool writing_ GUARDED_BY(mutex_) = false;
  enum class Ending { no, nobody_waits, now } ending_ GUARDED_BY(mutex_) = Ending::no;
  std::int64_t last_sequence_ GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace kvmtest::engine
