#pragma once
// Reading a file that a user has written. Any thread.

#include <filesystem>
#include <string>
#include <string_view>

namespace kvmtest::settings {

/// All bytes of `path`. Throws core::InputError "label: cannot read WHAT: reason"; `what` is "the settings", for
/// example.
std::string read_input_file(const std::filesystem::path& path, const std::filesystem::path& label,
                            std::string_view what);

}  // namespace kvmtest::settings
