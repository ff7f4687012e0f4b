#pragma once
// What formats share of finding their tests' files. Any thread.

#include <filesystem>
#include <functional>

namespace kvmtest::suite {

/// `path` for messages and diffs: relative to `base` where it lies within. Both absolute.
std::filesystem::path label_of(const std::filesystem::path& path, const std::filesystem::path& base);

/// Calls `visit` for every file below that is `wanted`; it says whether to go on. What begins with a dot is not looked
/// at, and links to directories are not followed. Throws core::InputError for a directory that cannot be read, a link
/// to nothing, and what is called like a test but is no file: a test that is silently left out would be missed by
/// nobody.
void walk(const std::filesystem::path& directory, const std::function<bool(const std::filesystem::path&)>& wanted,
          const std::function<bool(const std::filesystem::path&)>& visit);

}  // namespace kvmtest::suite
