#pragma once
// Runs a program that is a test, and makes sure that nothing is left of what it started.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "process/confinement.h"
#include "suite/test.h"

namespace kvmtest::engine {

/// Tells a program that runs, or judging that is under way, to end. Any thread.
class StopSignal {
 public:
  /// Throws HostFault.
  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  ~StopSignal();

  /// From now on; cannot be taken back.
  void raise();
  [[nodiscard]] const std::atomic<bool>& raised() const { return raised_; }
  /// Readable once it is raised.
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
  std::atomic<bool> raised_{false};
};

struct ProgramOrder {
  suite::Program program;
  std::vector<std::string> environment;               ///< all of it, "NAME=value"
  std::chrono::milliseconds limit{};                  ///< then the group is told to end
  std::function<std::chrono::milliseconds()> more{};  ///< asked then: how much longer it may take; 0: no longer
  std::size_t capture_bound = 0;                      ///< bytes kept of standard output, and of standard error
  std::chrono::milliseconds grace{5000};              ///< from SIGTERM to SIGKILL
  /// After the program has ended: for what it left behind to close its output. Then that is killed.
  std::chrono::milliseconds linger{1000};
  process::Confinement confinement{};
};

/// Runs it to its end or the limit. Standard input is empty. At the limit, and when `stop` is raised, its process group
/// gets SIGTERM, after the grace SIGKILL; all that it started and that is left when it has ended, in whatever session,
/// gets SIGKILL, and is in the result. A program that cannot be started is a result without a status. Throws HostFault
/// when the machine has no process or memory to give, or somebody else killed the program, and console::Interrupted
/// when it was stopped. The calling thread waits.
suite::Execution run_program(const ProgramOrder& order, const StopSignal& stop);

}  // namespace kvmtest::engine
