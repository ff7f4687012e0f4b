#pragma once
// How much of the processor a QEMU gets beside the others.

#include <filesystem>

namespace kvmtest::libvirt {

/// Whether this process holds a capability (linux/capability.h) now. Any thread.
bool has_capability(unsigned capability);

/// Sets the niceness of all threads of a process whose pid is in that file; at once, and for threads that they start
/// later. Does nothing where this process could not undo it (CAP_SYS_NICE), or when there is no such process. Any
/// thread.
void set_niceness(const std::filesystem::path& pid_file, int niceness);

}  // namespace kvmtest::libvirt
