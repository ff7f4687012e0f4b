#pragma once
// Reading files whole. Any thread.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/input_text.h"

namespace kvmtest::settings {

/// Bytes of the largest file that is read whole. A sparse file may be larger than any memory.
inline constexpr std::size_t largest_input = 64U << 20U;

/// Why `path`, which is there, is no file to read: "is a link to 'x', and nothing is there", "is a FIFO and not a
/// file". Nothing: it is one, or there is nothing of that name.
std::optional<std::string> no_file(const std::filesystem::path& path);

/// All bytes of `path`. Throws core::InputError "label: cannot read WHAT: reason" and what core::check_text finds;
/// `what` is "the settings", for example. What is no file is not read, a FIFO for one, nor what is larger than
/// largest_input.
std::string read_input_file(const std::filesystem::path& path, const std::filesystem::path& label,
                            std::string_view what, core::LineEnds ends = core::LineEnds::lf);

/// The same. Nothing when `path` is no plain file, is larger, or cannot be read.
std::optional<std::string> file_text(const std::filesystem::path& path);

}  // namespace kvmtest::settings
