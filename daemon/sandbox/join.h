#pragma once
// The way into a daemon's namespaces from outside.

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kvmtest::sandbox {

/// Runs a command in the namespaces of the process `inside`, in a user namespace as its root, in the current directory
/// where it is there, too. Its standard files are this process'. Waits; returns its exit status, or 128 and the
/// signal's number. This process, which has one thread and belongs to who owns the namespaces, or to root, stays in
/// them. `prefix`: in the network namespace of that prefix (sandbox/network_namespaces.h), where its hosts have names.
/// Throws std::system_error when it may not go there, and when the command cannot be started.
int run_inside(pid_t inside, const std::optional<std::string>& prefix, const std::vector<std::string>& command);

}  // namespace kvmtest::sandbox
