#pragma once
// What this process may use of the system, where the usual is too little for it.

namespace kvmtest::process {

/// Lets this process open as many files as it ever may (RLIMIT_NOFILE): each domain and each client needs some. The
/// programs of process/run.h get the limit from before, which those with select(2) rely on. Before any thread.
void allow_open_files();

}  // namespace kvmtest::process
