#pragma once
// Signals from a test, which runs as root beside everything else on the machine.

#include <csignal>
#include <stdexcept>
#include <string>

#include <sys/types.h>

namespace kvmtest {

/// False: there is no such process any more. Throws std::invalid_argument for what is no process' number, as when it
/// was looked up and not found: kill(2) takes 0 for the test's own group, with all that runs the tests, and -1 for
/// everyone.
inline bool send_signal(pid_t pid, int signal) {
  if (pid <= 1) throw std::invalid_argument("a signal to process " + std::to_string(pid));
  return ::kill(pid, signal) == 0;
}

inline bool is_alive(pid_t pid) { return send_signal(pid, 0); }

}  // namespace kvmtest
