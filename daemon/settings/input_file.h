#pragma once
// Reading files whole. Any thread.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace kvmtest::settings {

/// All bytes of `path`. Throws core::InputError "label: cannot read WHAT: reason"; `what` is "the settings", for
/// example.
std::string read_input_file(const std::filesystem::path& path, const std::filesystem::path& label,
                            std::string_view what);

/// All bytes of a regular file; nothing when it is none, or cannot be read.
std::optional<std::string> file_text(const std::filesystem::path& path);

}  // namespace kvmtest::settings
