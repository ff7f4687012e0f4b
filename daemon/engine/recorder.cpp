#include "engine/recorder.h"

#include <algorithm>

#include "base/threads.h"
#include "base/words.h"

namespace kvmtest::engine {

using namespace std::chrono_literals;

Recorder::Recorder(EventSink& sink, Troubles troubles)
    : sink_(sink), troubles_(std::move(troubles)), thread_(base::start_thread("records", [this] { work(); })) {}

Recorder::~Recorder() {
  {
    const base::Lock lock(mutex_);
    ending_ = Ending::now;
    changed_.notify_all();
  }
  thread_.join();
}

void Recorder::put(std::int64_t run, core::record::Body body) {
  core::record::Record record;
  record.run = run;
  record.time = std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now());
  record.body = std::move(body);
  const base::Lock lock(mutex_);
  queue_.push_back(std::move(record));
  changed_.notify_all();
}

bool Recorder::flush(std::chrono::milliseconds patience) {
  base::Lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&]() REQUIRES(mutex_) { return queue_.empty() && !writing_; });
}

std::int64_t Recorder::wait_beyond(std::int64_t sequence, std::chrono::milliseconds patience) {
  base::Lock lock(mutex_);
  changed_.wait_for(lock, patience,
                    [&]() REQUIRES(mutex_) { return last_sequence_ > sequence || ending_ != Ending::no; });
  return std::max(last_sequence_, sequence);
}

void Recorder::release_waiting() {
  const base::Lock lock(mutex_);
  if (ending_ == Ending::no) ending_ = Ending::nobody_waits;
  changed_.notify_all();
}

void Recorder::work() {
  std::vector<core::record::Record> batch;
  base::Lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&]() REQUIRES(mutex_) { return !queue_.empty() || ending_ == Ending::now; });
    if (queue_.empty()) return;
    batch.swap(queue_);
    writing_ = true;
    lock.unlock();
    const bool written = write(batch);
    lock.lock();
    if (!written) return;
    batch.clear();
    writing_ = false;
    changed_.notify_all();
  }
}

/// Until they are written, or left out. False: the recorder ends first.
bool Recorder::write(std::span<core::record::Record> records) {
  bool failing = false;
  while (true) {
    try {
      sink_.append(records);
      break;
    } catch (const Unwritable& e) {
      if (records.size() == 1) {
        leave_out(records.front(), e.what());
        return true;
      }
      const auto half = records.size() / 2;
      return write(records.first(half)) && write(records.subspan(half));
    } catch (const std::exception& e) {
      if (!failing) troubles_.failed(base::words(e));
      failing = true;
    }
    base::Lock lock(mutex_);
    // A full disk may have room again; what happened stays in memory until then.
    if (changed_.wait_for(lock, 1s, [&]() REQUIRES(mutex_) { return ending_ == Ending::now; })) return false;
  }
  sink_.told(records);
  const base::Lock lock(mutex_);
  last_sequence_ = records.back().sequence;
  changed_.notify_all();
  return true;
}

void Recorder::leave_out(const core::record::Record& record, const std::string& why) {
  if (incomplete_.insert(record.run).second) troubles_.left_out(record, why);
}

}  // namespace kvmtest::engine
