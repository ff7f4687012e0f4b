#pragma once
// The daemon's own view of the file system.

#include <filesystem>
#include <vector>

namespace kvmtest::sandbox {

/// Takes this process, which has one thread and the rights for it, into a mount namespace of its own. There /run is
/// empty, but for `kept` where they lie there, and /sys shows this process' network namespace. Nothing of it is seen
/// outside. Throws core::InputError, one line.
void enter_mount_namespace(const std::vector<std::filesystem::path>& kept);

/// Shows this process' PID namespace in /proc. Throws core::InputError, one line.
void mount_proc();

}  // namespace kvmtest::sandbox
