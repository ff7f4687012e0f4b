// Processor time of real processes; what lies between two readings in figures that are made up.

#include "process/processor_time.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../send_signal.h"

namespace kvmtest::process {
namespace {

using namespace std::chrono_literals;

/// Wants a processor all the time, on the first that it may have.
class Busy {
 public:
  Busy() : pid_(fork()) {
    if (pid_ != 0) return;
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
      if (CPU_ISSET(cpu, &allowed)) CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) {
    }
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    if (pid_ <= 0) return;
    send_signal(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

TEST(ProcessorTime, TwoThatWantOneProcessorStarveEachOther) {
  const Busy one;
  const Busy other;
  ASSERT_GT(one.pid(), 0);
  const ProcessorReading before = read_processors(one.pid());
  ASSERT_EQ(before.process, one.pid());
  ProcessorTime time{};
  do {
    time = between(before, read_processors(one.pid()));
  } while (time.used < 50ms || time.starved < 50ms);
  SUCCEED() << "else this test would not have ended";
}

TEST(ProcessorTime, OfAProcessThatIsGoneNothingIsKnown) {
  EXPECT_EQ(read_processors(0).process, 0);
  EXPECT_EQ(read_processors(-1).process, 0);
  pid_t gone = 0;
  {
    const Busy busy;
    gone = busy.pid();
  }
  EXPECT_EQ(read_processors(gone).process, 0);
}

ProcessorReading reading(pid_t process, std::chrono::milliseconds at, std::chrono::milliseconds used,
                         std::map<pid_t, std::chrono::nanoseconds> waited, std::chrono::milliseconds stolen = 0ms) {
  return {process, std::chrono::steady_clock::time_point(at), used, std::move(waited), stolen};
}

TEST(ProcessorTime, TheThreadCountsThatWaitedLongest) {
  const auto time = between(reading(7, 0ms, 100ms, {{7, 10ms}, {8, 20ms}}),
                            reading(7, 1000ms, 400ms, {{7, 110ms}, {8, 220ms}, {9, 50ms}}));
  EXPECT_EQ(time.used, 300ms);
  EXPECT_EQ(time.starved, 200ms);
}

TEST(ProcessorTime, WhatIsStolenIsStolenFromWhoeverIsAtWork) {
  const auto busy = between(reading(7, 0ms, 0ms, {{7, 0ms}}), reading(7, 1000ms, 900ms, {{7, 0ms}}, 100ms));
  EXPECT_EQ(busy.starved, 90ms);
  const auto asleep = between(reading(7, 0ms, 0ms, {{7, 0ms}}), reading(7, 1000ms, 0ms, {{7, 0ms}}, 100ms));
  EXPECT_EQ(asleep.starved, 0ms);
}

TEST(ProcessorTime, NobodyIsStarvedForLongerThanTimePassed) {
  const auto time = between(reading(7, 0ms, 0ms, {{7, 0ms}}), reading(7, 100ms, 100ms, {{7, 90ms}}, 100ms));
  EXPECT_EQ(time.starved, 100ms);
}

TEST(ProcessorTime, AnotherProcessHasHadAllThatItHas) {
  const auto time = between(reading(7, 0ms, 5000ms, {{7, 900ms}}), reading(9, 1000ms, 200ms, {{9, 30ms}}));
  EXPECT_EQ(time.used, 200ms);
  EXPECT_EQ(time.starved, 30ms);
  EXPECT_EQ(between(reading(7, 0ms, 0ms, {}), ProcessorReading{}).used, 0ms);
}

}  // namespace
}  // namespace kvmtest::process
