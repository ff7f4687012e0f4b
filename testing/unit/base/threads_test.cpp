// Pools of threads, with and without enough of them.

#include "base/threads.h"

#include <atomic>
#include <fstream>
#include <future>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace kvmtest::base {
namespace {

/// No memory for more than a few threads' stacks, as long as it lives.
class FewThreads {
 public:
  FewThreads() {
    getrlimit(RLIMIT_AS, &before_);
    std::ifstream in("/proc/self/statm");
    rlim_t pages = 0;
    in >> pages;
    const rlimit few{pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (rlim_t{64} << 20U), before_.rlim_max};
    setrlimit(RLIMIT_AS, &few);
  }
  FewThreads(const FewThreads&) = delete;
  FewThreads& operator=(const FewThreads&) = delete;
  ~FewThreads() { setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

/// Threads' stacks are of the usual size, and the sanitizers take no memory of their own.
bool can_be_limited() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  rlimit stack{};
  return getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur >= (rlim_t{1} << 20U);
#endif
}

TEST(Pool, ItsJobsAreDoneInTheirOrderAndToTheLast) {
  std::vector<int> done;
  Pool pool("a test", 1);
  for (int i = 0; i < 100; ++i) pool.post([&done, i] { done.push_back(i); });
  pool.join();
  ASSERT_EQ(done.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
}

TEST(Pool, ItHasAsManyThreadsAsItWasAskedFor) {
  Pool pool("a test", 1);
  pool.grow(4);
  std::atomic<int> here{0};
  for (int i = 0; i < 4; ++i)
    pool.post([&here] {
      ++here;
      while (here < 4) std::this_thread::yield();
    });
  pool.join();
  EXPECT_EQ(here, 4);
}

// asio's pool waited for ever for the threads that it had.
TEST(Pool, WithoutEnoughThreadsThereIsAnErrorAndAllIsAsBefore) {
  if (!can_be_limited()) GTEST_SKIP();
  Pool pool("resets", 1);
  std::string error;
  {
    const FewThreads few;
    EXPECT_THROW(Pool("resets", 1024), NoThread);
    try {
      pool.grow(1024);
    } catch (const NoThread& e) {
      error = e.what();
    }
  }
  EXPECT_EQ(error.substr(0, 54), "no thread for resets: Resource temporarily unavailable");
  std::promise<void> done;
  pool.post([&] { done.set_value(); });
  done.get_future().get();
  pool.grow(2);
}

TEST(ElasticPool, WhatCannotBeginAtOnceIsRefused) {
  ElasticPool pool("clients", 1, 3);
  std::promise<void> go;
  const auto gone = go.get_future().share();
  std::atomic<int> done{0};
  const auto wait = [&, gone] {
    gone.wait();
    ++done;
  };
  // The thread of the beginning may be on its way still; then another one takes the job.
  int begun = 0;
  while (pool.begin(wait)) ++begun;
  EXPECT_GE(begun, 2);
  EXPECT_LE(begun, 3);
  go.set_value();
  while (done < begun) std::this_thread::yield();
  while (!pool.begin([&] { ++done; })) std::this_thread::yield();
}

TEST(ElasticPool, WithoutAThreadAJobIsRefusedAndTheOthersGoOn) {
  if (!can_be_limited()) GTEST_SKIP();
  ElasticPool pool("clients", 1, 10'000);
  std::promise<void> go;
  const auto gone = go.get_future().share();
  std::atomic<int> begun{0};
  std::atomic<int> done{0};
  {
    const FewThreads few;
    while (pool.begin([&, gone] {
      gone.wait();
      ++done;
    }))
      ++begun;
  }
  EXPECT_LT(begun, 1000);
  go.set_value();
  while (done < begun) std::this_thread::yield();
}

TEST(ElasticPool, WhatAJobHeldIsLetGoWithIt) {
  ElasticPool pool("clients", 1, 1);
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  while (!pool.begin([held] {})) std::this_thread::yield();
  held.reset();
  while (!seen.expired()) std::this_thread::yield();
}

TEST(Companion, ItDoesItsJobOrNothing) {
  const Companion unused("a console");
  Companion used("a console");
  int done = 0;
  used.begin([&] { ++done; });
  used.join();
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace kvmtest::base
