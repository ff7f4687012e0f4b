#pragma once
// Which file system a file lies on, for errors: one that is full is named by where it is mounted.

#include <filesystem>
#include <string>

namespace kvmtest::engine {

/// "the file system on /dev/shm (tmpfs) has 12 MiB free"; of a file that is not there, that of its directory. Empty
/// where the kernel does not tell. Any thread.
std::string file_system_of(const std::filesystem::path& file);

/// "; the file system on … has …" where less than 2 MiB of it are free, else nothing: what may explain an error.
std::string if_full(const std::filesystem::path& file);

}  // namespace kvmtest::engine
