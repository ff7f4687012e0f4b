#pragma once
// Files of a checkout. Guests may have it as a share, so anything in it may be a link to anywhere, a FIFO, or without
// end. Any thread.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/open_directory.h"

namespace kvmtest::suite::libreswan {

/// Bytes of a file of a test's that is read whole: of one console, say.
inline constexpr std::size_t largest_file = 64U << 20U;

/// The directory itself; no component of the absolute `path` is a link. Throws base::FileError.
base::OpenDirectory open_unlinked(const std::filesystem::path& path);

/// The bytes of `file`, which is `root` or lies beneath it; both absolute. Links are followed where they stay beneath.
/// Nothing: there is no such file. Throws base::FileError for a link that leads out, for what is no plain file, and for
/// one of more than `bound` bytes.
std::optional<std::string> read_beneath(const std::filesystem::path& root, const std::filesystem::path& file,
                                        std::size_t bound = largest_file);

/// The same of a file of an open directory, where no link is followed.
std::optional<std::string> read_whole(const base::OpenDirectory& directory, const std::string& name,
                                      std::size_t bound = largest_file);

/// Writes a file with this name in place of whatever had it. Throws base::FileError.
void put_file(const base::OpenDirectory& directory, const std::string& name, std::string_view text);

}  // namespace kvmtest::suite::libreswan
