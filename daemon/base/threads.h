#pragma once
// Threads that are there before they are needed: whoever wants more than the system gives is told so in one line, and
// nothing that is under way is affected.

#include <deque>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "base/mutex.h"

namespace kvmtest::base {

/// The system has no more threads. what() is one line, and says what limits them.
class NoThread : public std::runtime_error {
 public:
  NoThread(const std::string& purpose, int error);
};

/// Starts a thread; `purpose` is for the error: "resets". Throws NoThread. Any thread.
std::thread start_thread(const std::string& purpose, std::function<void()> function);

/// Threads without handles, which are waited for by their number. Any thread.
class Crew {
 public:
  explicit Crew(std::string purpose) : purpose_(std::move(purpose)) {}
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() { join(); }

  /// Starts a thread that runs `work`. Throws NoThread.
  void add(std::function<void()> work);
  /// Waits until all have ended.
  void join();

 private:
  const std::string purpose_;
  Mutex mutex_;
  Condition changed_;
  unsigned threads_ GUARDED_BY(mutex_) = 0;
};

/// A number of threads that take jobs in the order in which they are posted. Any thread.
class Pool {
 public:
  /// All of `threads` or none. Throws NoThread.
  Pool(std::string purpose, unsigned threads);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { join(); }

  /// At least so many threads. Throws NoThread, and has those that it had. One thread at a time.
  void grow(unsigned threads);
  /// Does not wait. A job must not throw.
  void post(std::function<void()> job);
  /// Waits until all that was posted is done, and ends the threads. Nothing may be posted any more.
  void join();

 private:
  void work();

  Mutex mutex_;
  Condition changed_;
  std::deque<std::function<void()>> jobs_ GUARDED_BY(mutex_);
  unsigned threads_ GUARDED_BY(mutex_) = 0;
  unsigned wanted_ GUARDED_BY(mutex_) = 0;  ///< more than these go when there is nothing to do
  bool ending_ GUARDED_BY(mutex_) = false;
  Crew crew_;  ///< ends first
};

/// Threads for jobs that begin at once or not at all. Some are there from the start; more come as far as the system
/// gives them, and go again. Any thread.
class ElasticPool {
 public:
  /// Throws NoThread when the system has not even `least`.
  ElasticPool(std::string purpose, unsigned least, unsigned most);
  ElasticPool(const ElasticPool&) = delete;
  ElasticPool& operator=(const ElasticPool&) = delete;
  /// Waits for all jobs.
  ~ElasticPool();

  /// False: `most` are at work, or all that the system gives; then the job is not begun. A job must not throw.
  bool begin(std::function<void()> job);

 private:
  void add(std::function<void()> first);
  void work(std::function<void()> first);
  void end();

  const unsigned least_;
  const unsigned most_;
  Mutex mutex_;
  Condition changed_;
  std::deque<std::function<void()>> jobs_ GUARDED_BY(mutex_);  ///< no more than there are idle threads
  unsigned threads_ GUARDED_BY(mutex_) = 0;
  unsigned idle_ GUARDED_BY(mutex_) = 0;
  bool ending_ GUARDED_BY(mutex_) = false;
  Crew crew_;  ///< ends first
};

/// A thread for one job that is known later: what needs it fails before it began anything. One thread at a time.
class Companion {
 public:
  /// Throws NoThread.
  explicit Companion(const std::string& purpose);
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;
  ~Companion() { join(); }

  /// Once.
  void begin(std::function<void()> job);
  /// Waits until the job, if any, is done.
  void join();

 private:
  Mutex mutex_;
  Condition changed_;
  std::function<void()> job_ GUARDED_BY(mutex_);
  bool decided_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kvmtest::base
