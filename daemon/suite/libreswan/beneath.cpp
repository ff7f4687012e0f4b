#include "suite/libreswan/beneath.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;
using base::FileError;
using base::OpenDirectory;

constexpr mode_t file_mode = 0644;

std::string whole(OpenDirectory::Contents contents, const fs::path& file, std::size_t bound) {
  if (!contents.whole) throw FileError(EFBIG, file, fmt::format("is larger than {} MiB", bound >> 20U));
  return std::move(contents.bytes);
}

/// The path without links. Nothing: there is nothing. Throws FileError.
std::optional<fs::path> real_path(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::canonical(path, error);
  if (error == std::errc::no_such_file_or_directory) return std::nullopt;
  if (error) throw FileError(error.value(), path);
  return real;
}

}  // namespace

OpenDirectory open_unlinked(const fs::path& path) {
  return path.has_relative_path() ? OpenDirectory("/").open(path.relative_path()) : OpenDirectory(path);
}

std::optional<std::string> read_beneath(const fs::path& root, const fs::path& file, std::size_t bound) {
  const auto top = real_path(root);
  const auto real = real_path(file);
  if (!top || !real) return std::nullopt;
  if (const fs::path below = real->lexically_relative(*top); below.empty() || *below.begin() == "..")
    throw FileError(EXDEV, file, "is a link that leads out of " + root.string());
  // Whatever has become a link since then is one too many.
  auto contents = OpenDirectory("/").read(real->relative_path(), bound);
  if (!contents) return std::nullopt;
  return whole(std::move(*contents), file, bound);
}

std::optional<std::string> read_whole(const OpenDirectory& directory, const std::string& name, std::size_t bound) {
  auto contents = directory.read(name, bound);
  if (!contents) return std::nullopt;
  return whole(std::move(*contents), directory.path() / name, bound);
}

void put_file(const OpenDirectory& directory, const std::string& name, std::string_view text) {
  if (directory.kind(name) == OpenDirectory::Kind::directory) directory.remove(name);
  directory.write(name, text, file_mode);
}

}  // namespace kvmtest::suite::libreswan
