#include "settings/input_file.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

#include "core/input_error.h"

namespace kvmtest::settings {

std::optional<std::string> no_file(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error == std::errc::too_many_symbolic_link_levels) return "is a link that leads back to itself; remove it";
  switch (status.type()) {
    case fs::file_type::directory: return "is a directory and not a file";
    case fs::file_type::fifo: return "is a FIFO and not a file";
    case fs::file_type::socket: return "is a socket and not a file";
    case fs::file_type::block:
    case fs::file_type::character: return "is a device and not a file";
    case fs::file_type::not_found: break;
    default: return std::nullopt;
  }
  std::error_code ignored;
  if (!fs::is_symlink(fs::symlink_status(path, ignored))) return std::nullopt;
  return "is a link to '" + fs::read_symlink(path, ignored).string() + "', and nothing is there; remove it or mend it";
}

std::string read_input_file(const std::filesystem::path& path, const std::filesystem::path& label,
                            std::string_view what, core::LineEnds ends) {
  if (const auto wrong = no_file(path)) throw core::InputError({label}, *wrong);
  errno = 0;
  try {
    std::ifstream stream(path, std::ios::binary);
    if (stream.is_open()) {
      std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
      core::check_text(text, label, ends);
      return text;
    }
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
