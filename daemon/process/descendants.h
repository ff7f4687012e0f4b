#pragma once
// Ends all that a process has started, and what these started, whatever sessions they went to. Works in the child of a
// process with threads as well: it takes no memory and no locks. Linux, with /proc/PID/task/TID/children.

#include <array>

#include <sys/types.h>

namespace kvmtest::process {

/// One that was there when it was ended.
struct Left {
  pid_t pid = 0;
  /// Its command line, or its name, "[sh]", while it has none: what fits, ended by a zero.
  std::array<char, 160> words{};
};

/// Kills all descendants of this process, which must be a child subreaper (prctl(2)) with one thread, and reaps them,
/// until there are none. Those that start others all the time are outrun: who is being killed starts none any more, and
/// whom it has started becomes a child of this process. `told`, if any, is called once for each, but for those of the
/// process group `expected`; 0: there is no such group. Waits as long as it takes.
void end_descendants(pid_t expected, void (*told)(const Left&, void*), void* whom);

}  // namespace kvmtest::process
