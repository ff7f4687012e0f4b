#pragma once
// Locks that Clang's thread safety analysis knows
// (https://clang.llvm.org/docs/ThreadSafetyAnalysis.html): it tells where something that a lock
// guards is touched without it. `make check-locks` makes that an error. Other compilers see std's
// own locks and nothing else.

#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define KVMTEST_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define KVMTEST_THREAD_SAFETY(attribute)
#endif

/// Of a data member: it is touched with the lock held only.
#define GUARDED_BY(mutex) KVMTEST_THREAD_SAFETY(guarded_by(mutex))
/// Of a function: whoever calls it holds the lock.
#define REQUIRES(...) KVMTEST_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) KVMTEST_THREAD_SAFETY(requires_shared_capability(__VA_ARGS__))
/// Of a class, and of the functions that take and release it.
#define LOCKABLE KVMTEST_THREAD_SAFETY(capability("mutex"))
#define SCOPED_LOCK KVMTEST_THREAD_SAFETY(scoped_lockable)
#define ACQUIRES(...) KVMTEST_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define ACQUIRES_SHARED(...) KVMTEST_THREAD_SAFETY(acquire_shared_capability(__VA_ARGS__))
#define RELEASES(...) KVMTEST_THREAD_SAFETY(release_capability(__VA_ARGS__))
#define RELEASES_SHARED(...) KVMTEST_THREAD_SAFETY(release_shared_capability(__VA_ARGS__))
/// Of a function whose locking the analysis cannot follow.
#define UNCHECKED_LOCKING KVMTEST_THREAD_SAFETY(no_thread_safety_analysis)

namespace kvmtest::base {

/// std::mutex. Any thread.
class LOCKABLE Mutex {
 public:
  void lock() ACQUIRES() { mutex_.lock(); }
  void unlock() RELEASES() { mutex_.unlock(); }

 private:
  friend class Lock;
  std::mutex mutex_;
};

/// Holds a mutex from construction to destruction, as std::unique_lock.
class SCOPED_LOCK Lock {
 public:
  explicit Lock(Mutex& mutex) ACQUIRES(mutex) : lock_(mutex.mutex_) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() RELEASES() {}

  /// Meanwhile others may have it.
  void unlock() RELEASES() { lock_.unlock(); }
  void lock() ACQUIRES() { lock_.lock(); }

 private:
  friend class Condition;
  std::unique_lock<std::mutex> lock_;
};

/// std::condition_variable. Where the condition looks at what the lock guards it is
/// `[&]() REQUIRES(mutex_) { return ...; }`.
class Condition {
 public:
  void notify_all() { condition_.notify_all(); }
  void wait(Lock& lock) { condition_.wait(lock.lock_); }
  template <class Holds>
  void wait(Lock& lock, Holds holds) {
    condition_.wait(lock.lock_, holds);
  }
  template <class Duration, class Holds>
  bool wait_for(Lock& lock, Duration patience, Holds holds) {
    return condition_.wait_for(lock.lock_, patience, holds);
  }
  template <class Instant>
  std::cv_status wait_until(Lock& lock, Instant deadline) {
    return condition_.wait_until(lock.lock_, deadline);
  }
  template <class Instant, class Holds>
  bool wait_until(Lock& lock, Instant deadline, Holds holds) {
    return condition_.wait_until(lock.lock_, deadline, holds);
  }

 private:
  std::condition_variable condition_;
};

/// std::shared_mutex. Any thread.
class LOCKABLE SharedMutex {
 public:
  void lock() ACQUIRES() { mutex_.lock(); }
  void unlock() RELEASES() { mutex_.unlock(); }
  void lock_shared() ACQUIRES_SHARED() { mutex_.lock_shared(); }
  void unlock_shared() RELEASES_SHARED() { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

/// Holds it alone.
class SCOPED_LOCK WriteLock {
 public:
  explicit WriteLock(SharedMutex& mutex) ACQUIRES(mutex) : mutex_(mutex) { mutex.lock(); }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;
  ~WriteLock() RELEASES() { mutex_.unlock(); }

 private:
  SharedMutex& mutex_;
};

/// Holds it together with others that only read.
class SCOPED_LOCK ReadLock {
 public:
  explicit ReadLock(SharedMutex& mutex) ACQUIRES_SHARED(mutex) : mutex_(mutex) { mutex.lock_shared(); }
  ReadLock(const ReadLock&) = delete;
  ReadLock& operator=(const ReadLock&) = delete;
  ~ReadLock() RELEASES() { mutex_.unlock_shared(); }

 private:
  SharedMutex& mutex_;
};

}  // namespace kvmtest::base
