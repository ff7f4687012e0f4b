#include "base/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace kvmtest::base {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& directory, int error) {
  throw std::system_error(error, std::generic_category(), "what waits in " + directory.string());
}

int file_without_name(const fs::path& directory) {
  const int file = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return file;
  // A file system that knows only files with names.
  std::string name = directory / "waiting-XXXXXX";
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) unlink(name.c_str());
  return named;
}

}  // namespace

Spool::Spool(const fs::path& directory) : directory_(directory), file_(file_without_name(directory)) {
  if (!file_) fail(directory, errno);
}

Spool::Place Spool::put(std::string_view text) {
  if (text.size() > UINT32_MAX) fail(directory_, EFBIG);
  const Lock lock(mutex_);
  const Place place{end_, static_cast<std::uint32_t>(text.size())};
  for (std::uint64_t at = end_; !text.empty();) {
    const ssize_t done = pwrite(file_.number(), text.data(), text.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail(directory_, done < 0 ? errno : ENOSPC);
    at += static_cast<std::uint64_t>(done);
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  end_ += place.bytes;
  return place;
}

std::string Spool::get(Place place) const {
  std::string text(place.bytes, '\0');
  for (std::size_t had = 0; had < text.size();) {
    const ssize_t got = pread(file_.number(), text.data() + had, text.size() - had, static_cast<off_t>(place.at + had));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail(directory_, got < 0 ? errno : EIO);
    had += static_cast<std::size_t>(got);
  }
  return text;
}

}  // namespace kvmtest::base
