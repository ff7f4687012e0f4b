#include "settings/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/descriptor.h"
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

namespace {

/// All bytes of a plain file, or why there are none: an errno.
int read_plain(const std::filesystem::path& path, std::string& text) {
  // It may have become a FIFO or a terminal since somebody looked: opening it is not to wait, and to change nothing.
  const base::Descriptor file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (!file || fstat(file.number(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return EINVAL;
  if (status.st_size > static_cast<off_t>(largest_input)) return EFBIG;
  // Tens of thousands of such texts may wait, so that none has more memory than it needs.
  constexpr std::size_t more = 1U << 16U;
  while (true) {
    const std::size_t had = text.size();
    const std::size_t piece = had == 0 ? static_cast<std::size_t>(status.st_size) + 1 : more;
    text.resize(had + piece);
    const ssize_t got = read(file.number(), text.data() + had, piece);
    text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno != EINTR) return errno;
    if (text.size() > largest_input) return EFBIG;
    if (got == 0) break;
  }
  text.shrink_to_fit();
  return 0;
}

}  // namespace

std::string read_input_file(const std::filesystem::path& path, const std::filesystem::path& label,
                            std::string_view what, core::LineEnds ends) {
  if (const auto wrong = no_file(path)) throw core::InputError({label}, *wrong);
  std::string text;
  const int error = read_plain(path, text);
  if (error == EFBIG)
    throw core::InputError({label}, "is larger than " + std::to_string(largest_input >> 20U) + " MiB");
  if (error != 0)
    throw core::InputError({label}, "cannot read " + std::string(what) + ": " + std::generic_category().message(error));
  core::check_text(text, label, ends);
  return text;
}

std::optional<std::string> file_text(const std::filesystem::path& path) {
  std::string text;
  if (read_plain(path, text) != 0) return std::nullopt;
  return text;
}

}  // namespace kvmtest::settings
