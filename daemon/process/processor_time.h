#pragma once
// What a process had of this machine's processors, and how long it wanted one and had none.

#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/descriptor.h"

namespace kvmtest::process {

/// What those processors of this machine that this process may use did so far, together, since it was booted. Source:
/// proc(5), "/proc/stat".
struct MachineReading {
  std::chrono::nanoseconds busy{};
  std::chrono::nanoseconds total{};
  std::chrono::nanoseconds stolen{};  ///< by the machine that this one runs on; of `total`
  unsigned processors = 1;
};

/// Zero where /proc does not tell. What was read less than some milliseconds ago is told again. Any thread.
MachineReading read_machine();

/// Two of these tell what happened between them. Sources: proc(5); Documentation/scheduler/sched-stats.rst.
struct ProcessorReading {
  pid_t process = 0;  ///< 0: it could not be read
  std::chrono::steady_clock::time_point at{};
  std::chrono::nanoseconds used{};                     ///< by all its threads, those that have ended too
  std::map<pid_t, std::chrono::nanoseconds> waited{};  ///< for a processor, by each thread that has work to do
  std::chrono::nanoseconds stolen{};  ///< from this machine by the one that it runs on; a processor's mean
};

/// Reads a QEMU again and again at little cost: what it needs of /proc stays open. Its threads with work to do are the
/// main one and those of its guest's processors, which it names "CPU 0/KVM" or "CPU 0/TCG". One thread at a time.
class ProcessorGauge {
 public:
  /// Of none.
  ProcessorGauge() = default;
  explicit ProcessorGauge(pid_t qemu);
  /// Does not throw.
  [[nodiscard]] ProcessorReading read() const;

 private:
  pid_t process_ = 0;
  std::vector<std::pair<pid_t, base::Descriptor>> threads_;  ///< the main one first
};

/// The same, once. Does not throw. Any thread.
inline ProcessorReading read_processors(pid_t qemu) { return ProcessorGauge(qemu).read(); }

struct ProcessorTime {
  std::chrono::nanoseconds used{};
  std::chrono::nanoseconds starved{};  ///< in which the process wanted a processor and had none; never more than passed
};

/// Of another process than `from` is of, all that it had. Zero where `to` could not be read.
ProcessorTime between(const ProcessorReading& from, const ProcessorReading& to);

}  // namespace kvmtest::process
