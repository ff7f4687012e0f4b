#pragma once
// What every text that a user writes has in common, whatever its format. Pure; any thread.

#include <filesystem>
#include <string_view>

namespace kvmtest::core {

/// How the lines of a text may end.
enum class LineEnds {
  lf,
  any,  ///< a carriage return is a blank to the format
};

/// Throws InputError, with what to do, when `text` is not UTF-8 with LF: a byte order mark, UTF-16, or a line that ends
/// in CR LF. `label`: its file, in the message. Other bytes are its format's business.
void check_text(std::string_view text, const std::filesystem::path& label, LineEnds ends = LineEnds::lf);

}  // namespace kvmtest::core
