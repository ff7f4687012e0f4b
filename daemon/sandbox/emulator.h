#pragma once
// QEMU's own view of the file system. libvirt starts the program kvmtest-qemu in the place of an emulator, as the user
// that QEMU is to run as and without any right; that takes what it is told of from sight, makes the rest read-only and
// becomes the emulator.

#include <filesystem>
#include <string>
#include <vector>

#include "process/confinement.h"

namespace kvmtest::sandbox {

/// The variable that says what QEMU sees, as written() has it. Without it the emulator runs as it is: libvirt, which
/// asks each emulator what it can do, gives none.
inline constexpr const char* emulator_files = "KVMTEST_QEMU_FILES";

/// All that other users keep their files in is empty, but for `read`; nothing is written but below `write`, and in
/// /proc and on terminals. Directories in which the emulator lies are as they are. What is not there is left out.
process::Confinement view_of(const std::filesystem::path& emulator, const std::vector<std::filesystem::path>& read,
                             const std::vector<std::filesystem::path>& write);

/// Files as text for a variable, and back. What is shown is shown at its own path.
std::string written(const process::Confinement& files);
process::Confinement files_from(const std::string& text);

/// The path at which libvirt is to start this emulator, an absolute path; another one when the emulator was replaced,
/// for libvirt keeps what it learnt of a path. Throws std::system_error where `starter`, kvmtest-qemu's file, cannot be
/// shown there. Any thread.
std::filesystem::path started_by(const std::filesystem::path& starter, const std::filesystem::path& emulator);
/// The emulator of such a path; empty: it is none.
std::filesystem::path emulator_of(const std::filesystem::path& path);

/// Takes this process, which has one thread and may be anybody, into a user and a mount namespace where it sees no more
/// than that; it is who it was, and what it becomes has no rights. Returns an errno, 0: done.
int enter_emulators_view(const process::Confinement& files);

/// Why QEMUs with ids of their own can have no such view in this process' namespaces, one line; empty: they can. Tried
/// when somebody first asks, by the daemon's first process, while it has one thread.
const std::string& why_no_views();

}  // namespace kvmtest::sandbox
