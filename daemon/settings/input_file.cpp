#include "settings/input_file.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

#include "core/input_error.h"

namespace kvmtest::settings {

std::string read_input_file(const std::filesystem::path& path, const std::filesystem::path& label,
                            std::string_view what) {
  errno = 0;
  try {
    std::ifstream stream(path, std::ios::binary);
    if (stream.is_open()) return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  } catch (const std::ios_base::failure&) {
    // The reason is in errno, as it is when the file did not open.
  }
  const int why = errno != 0 ? errno : EIO;
  throw core::InputError({label}, "cannot read " + std::string(what) + ": " + std::generic_category().message(why));
}

std::optional<std::string> file_text(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace kvmtest::settings
