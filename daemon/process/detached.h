#pragma once
// A program that outlives who started it.

#include <string>
#include <vector>

namespace kvmtest::process {

/// Starts it in a session of its own, so that control-C in a terminal is not its business, as nobody's child, with the
/// environment of this process, no signal blocked, and standard files that are empty and lead nowhere. `told` is its
/// descriptor 3, and it has no other: a lock or a pipe that this process was started with is not held by it. Returns
/// when it runs. Throws std::system_error with why it cannot be started. Any thread.
void start_detached(const std::vector<std::string>& command, int told);

}  // namespace kvmtest::process
