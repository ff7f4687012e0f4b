#pragma once
// Where the daemon lives: user, mount, network and PID namespaces of its own (namespaces(7)). What it makes there,
// bridges and QEMUs and all that these start, nobody else sees, and it ends with the daemon, whatever ended that.

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

#include "sandbox/mounts.h"

namespace kvmtest::sandbox {

/// Takes this process, which has one thread, into namespaces of its own: a user namespace, unless it is root, one for
/// mounts, one for networks, and one for System V IPC. Its next child is the first process of a PID namespace, which is
/// to call begin_processes(). `kept`: directories that must be reachable, wherever they lie. `shown`: those that other
/// users of the namespaces must reach, too. Returns what is less than it could be and why, one line; often empty.
/// Throws core::InputError, one line: what refuses, and how to allow it.
std::string enter(const std::vector<std::filesystem::path>& kept, const std::vector<Shown>& shown);

/// In the first process of the PID namespace: it ends with its parent, and all processes below with it.
/// Throws core::InputError.
void begin_processes();

/// The number by which processes outside know the calling one; its own where there is no PID namespace. Any thread.
pid_t outside_pid();

/// A local socket (unix(7)) of the network namespace that enter() left, which is the caller's; -1: none is left. One
/// thread at a time.
int outside_socket();

}  // namespace kvmtest::sandbox
