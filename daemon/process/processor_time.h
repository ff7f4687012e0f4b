#pragma once
// What a process had of this machine's processors, and how long it wanted one and had none.

#include <chrono>
#include <map>

#include <sys/types.h>

namespace kvmtest::process {

/// Two of these tell what happened between them. Sources: proc(5); Documentation/scheduler/sched-stats.rst.
struct ProcessorReading {
  pid_t process = 0;  ///< 0: it could not be read
  std::chrono::steady_clock::time_point at{};
  std::chrono::nanoseconds used{};                     ///< by all its threads, those that have ended too
  std::map<pid_t, std::chrono::nanoseconds> waited{};  ///< for a processor, by each thread that has work to do
  std::chrono::nanoseconds stolen{};  ///< from this machine by the one that it runs on; a processor's mean
};

/// Of a QEMU: its threads with work to do are the main one and those of its guest's processors, which it names
/// "CPU 0/KVM" or "CPU 0/TCG". Does not throw. Any thread.
ProcessorReading read_processors(pid_t qemu);

struct ProcessorTime {
  std::chrono::nanoseconds used{};
  std::chrono::nanoseconds starved{};  ///< in which the process wanted a processor and had none; never more than passed
};

/// Of another process than `from` is of, all that it had. Zero where `to` could not be read.
ProcessorTime between(const ProcessorReading& from, const ProcessorReading& to);

}  // namespace kvmtest::process
