#include "base/threads.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace kvmtest::base {

NoThread::NoThread(const std::string& purpose, int error)
    : std::runtime_error(
          fmt::format("no thread for {}: {}; the number of processes is limited (ulimit -u, or pids.max of the "
                      "control group)",
                      purpose, std::generic_category().message(error))) {}

std::thread start_thread(const std::string& purpose, std::function<void()> function) {
  try {
    return std::thread(std::move(function));
  } catch (const std::system_error& e) {
    throw NoThread(purpose, e.code().value());
  }
}

// ---- Crew ----

void Crew::add(std::function<void()> work) {
  {
    const Lock lock(mutex_);
    ++threads_;
  }
  const auto gone = [this] {
    const Lock lock(mutex_);
    --threads_;
    changed_.notify_all();
  };
  try {
    start_thread(purpose_, [work = std::move(work), gone]() mutable {
      work();
      work = nullptr;  // what it holds may be needed by nobody after this
      gone();
    }).detach();
  } catch (const NoThread&) {
    gone();
    throw;
  }
}

void Crew::join() {
  Lock lock(mutex_);
  changed_.wait(lock, [&]() REQUIRES(mutex_) { return threads_ == 0; });
}

// ---- Pool ----

Pool::Pool(std::string purpose, unsigned threads) : crew_(std::move(purpose)) { grow(threads); }

void Pool::grow(unsigned threads) {
  Lock lock(mutex_);
  const unsigned before = wanted_;
  wanted_ = std::max(before, threads);
  while (threads_ < wanted_) {
    ++threads_;
    lock.unlock();
    try {
      crew_.add([this] { work(); });
    } catch (const NoThread&) {
      lock.lock();
      --threads_;
      wanted_ = before;
      changed_.notify_all();
      throw;
    }
    lock.lock();
  }
}

void Pool::post(std::function<void()> job) {
  const Lock lock(mutex_);
  jobs_.push_back(std::move(job));
  changed_.notify_all();
}

void Pool::join() {
  {
    const Lock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  crew_.join();
}

void Pool::work() {
  Lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&]() REQUIRES(mutex_) { return !jobs_.empty() || ending_ || threads_ > wanted_; });
    if (jobs_.empty()) break;
    {
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
    }
    lock.lock();
  }
  --threads_;
}

// ---- ElasticPool ----

ElasticPool::ElasticPool(std::string purpose, unsigned least, unsigned most)
    : least_(least), most_(most), crew_(std::move(purpose)) {
  try {
    for (unsigned i = 0; i < least; ++i) add({});
  } catch (const NoThread&) {
    end();
    throw;
  }
}

ElasticPool::~ElasticPool() { end(); }

void ElasticPool::end() {
  {
    const Lock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  crew_.join();
}

void ElasticPool::add(std::function<void()> first) {
  {
    const Lock lock(mutex_);
    ++threads_;
  }
  try {
    crew_.add([this, first = std::move(first)]() mutable { work(std::move(first)); });
  } catch (const NoThread&) {
    const Lock lock(mutex_);
    --threads_;
    throw;
  }
}

bool ElasticPool::begin(std::function<void()> job) {
  {
    const Lock lock(mutex_);
    if (jobs_.size() < idle_) {
      jobs_.push_back(std::move(job));
      changed_.notify_all();
      return true;
    }
    if (threads_ >= most_) return false;
  }
  try {
    add(std::move(job));
    return true;
  } catch (const NoThread&) {
    return false;
  }
}

void ElasticPool::work(std::function<void()> first) {
  if (first) first();
  first = nullptr;
  Lock lock(mutex_);
  while (threads_ <= least_ && !ending_) {
    ++idle_;
    changed_.wait(lock, [&]() REQUIRES(mutex_) { return !jobs_.empty() || ending_; });
    --idle_;
    if (jobs_.empty()) break;
    {
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
    }
    lock.lock();
  }
  --threads_;
}

// ---- Companion ----

Companion::Companion(const std::string& purpose)
    : thread_(start_thread(purpose, [this] {
        std::function<void()> job;
        {
          Lock lock(mutex_);
          changed_.wait(lock, [&]() REQUIRES(mutex_) { return decided_; });
          job = std::move(job_);
        }
        if (job) job();
      })) {}

void Companion::begin(std::function<void()> job) {
  const Lock lock(mutex_);
  job_ = std::move(job);
  decided_ = true;
  changed_.notify_all();
}

void Companion::join() {
  if (!thread_.joinable()) return;
  {
    const Lock lock(mutex_);
    decided_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

}  // namespace kvmtest::base
