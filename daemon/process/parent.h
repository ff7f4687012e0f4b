#pragma once
// What a process does that only waits for the one it has started.

#include <sys/types.h>

namespace kvmtest::process {

/// Waits for the child; returns its exit status, or 128 and the signal's number; 3: it cannot be waited for.
int status_of(pid_t child);

/// Reaps whatever this process has adopted until `child` ends, and then ends all that is left below it. Returns as
/// status_of() does.
int reap_until(pid_t child);

/// What is asked of this process by SIGTERM, SIGINT and SIGHUP is asked of that one from now on.
void pass_signals_on(pid_t to);

}  // namespace kvmtest::process
