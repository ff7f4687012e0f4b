#include "engine/recorder.h"

#include <algorithm>

namespace kvmtest::engine {

using namespace std::chrono_literals;

Recorder::Recorder(EventSink& sink, std::function<void(const std::string&)> failed)
    : sink_(sink), failed_(std::move(failed)), thread_([this] { work(); }) {}

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
  bool failing = false;
  base::Lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&]() REQUIRES(mutex_) { return !queue_.empty() || ending_ == Ending::now; });
    if (queue_.empty()) return;
    batch.swap(queue_);
    writing_ = true;
    while (true) {
      lock.unlock();
      std::string error;
      try {
        sink_.append(batch);
      } catch (const std::exception& e) {
        error = e.what();
      }
      if (error.empty()) break;
      if (!failing) failed_(error);
      failing = true;
      lock.lock();
      // A full disk may have room again; what happened stays in memory until then.
      if (changed_.wait_for(lock, 1s, [&]() REQUIRES(mutex_) { return ending_ == Ending::now; })) return;
    }
    failing = false;
    sink_.told(batch);
    lock.lock();
    if (!batch.empty()) last_sequence_ = batch.back().sequence;
    batch.clear();
    writing_ = false;
    changed_.notify_all();
  }
}

}  // namespace kvmtest::engine
