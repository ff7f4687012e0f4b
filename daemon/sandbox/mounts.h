#pragma once
// The daemon's own view of the file system.

#include <filesystem>
#include <vector>

namespace kvmtest::sandbox {

/// A directory, and where every user of the namespace reaches it, below own_directory.
struct Shown {
  std::filesystem::path directory;
  std::filesystem::path as;
};

/// The sandbox' own, on a tmpfs.
inline constexpr const char* own_directory = "/run/kvmtest";

/// Takes this process, which has one thread and the rights for it, into a mount namespace of its own. There /run is
/// empty, but for `kept` where they lie there and for `shown`, and /sys shows this process' network namespace. Nothing
/// of it is seen outside. Throws core::InputError, one line.
void enter_mount_namespace(const std::vector<std::filesystem::path>& kept, const std::vector<Shown>& shown);

/// Shows a file below own_directory, at a path that every user of the namespace reaches and that is the same each time,
/// and returns that. Throws std::system_error. Any thread.
std::filesystem::path show_file(const std::filesystem::path& file);
/// The same at a path of the caller's choice, below own_directory.
std::filesystem::path show_file(const std::filesystem::path& file, const std::filesystem::path& as);

/// Shows this process' PID namespace in /proc. Throws core::InputError, one line.
void mount_proc();

}  // namespace kvmtest::sandbox
