#pragma once
// Reading files whole. Any thread.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/input_text.h"

namespace kvmtest::settings {

/// Why `path`, which is there, is no file to read: "is a link to 'x', and nothing is there", "is a FIFO and not a
/// file". Nothing: it is one, or there is nothing of that name.
std::optional<std::string> no_file(const std::filesystem::path& path);

/// All bytes of `path`. Throws core::InputError "label: cannot read WHAT: reason" and what core::check_text finds;
/// `what` is "the settings", for example. What is no file is not opened: a FIFO would never end.
std::string read_input_file(const std::filesystem::path& path, const std::filesystem::path& label,
                            std::string_view what, core::LineEnds ends = core::LineEnds::lf);

/// All bytes of a regular file. Nothing when `path` is no regular file, or cannot be read.
std::optional<std::string> file_text(const std::filesystem::path& path);

}  // namespace kvmtest::settings
