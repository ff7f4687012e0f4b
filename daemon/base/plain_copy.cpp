#include "base/plain_copy.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace kvmtest::base {
namespace {

namespace fs = std::filesystem;

class PlainCopy {
 public:
  explicit PlainCopy(const CopyBounds& bounds) : bounds_(bounds), left_(bounds.total), entries_(bounds.entries) {}

  void directory(const OpenDirectory& from, const OpenDirectory& to, const fs::path& name, unsigned depth) {
    std::vector<OpenDirectory::Entry> entries;
    try {
      entries = from.list(entries_);
    } catch (const FileError& error) {
      return tell(name, error.code() == std::errc::value_too_large ? "too many files" : error.code().message());
    }
    entries_ -= entries.size();
    for (const auto& entry : entries) {
      const fs::path whole = name / entry.name;
      if (entry.kind == OpenDirectory::Kind::file)
        file(from, to, entry.name, whole);
      else if (entry.kind != OpenDirectory::Kind::directory)
        tell(whole, "neither a file nor a directory");
      else if (depth == bounds_.depth)
        tell(whole, "too deep");
      else
        below(from, to, entry.name, whole, depth);
    }
  }

  std::vector<std::string> told() { return std::move(told_); }

 private:
  static constexpr std::size_t most_told = 10;

  void tell(const fs::path& name, const std::string& why) {
    if (told_.size() < most_told) told_.push_back(fmt::format("{}: {}", name.empty() ? "." : name.string(), why));
  }

  void below(const OpenDirectory& from, const OpenDirectory& to, const std::string& name, const fs::path& whole,
             unsigned depth) {
    std::optional<OpenDirectory> source;
    try {
      source.emplace(from.open(name));
    } catch (const FileError& error) {
      return tell(whole, error.code().message());
    }
    to.remove(name);
    directory(*source, to.make_new(name), whole, depth + 1);
  }

  void file(const OpenDirectory& from, const OpenDirectory& to, const std::string& name, const fs::path& whole) {
    Descriptor source;
    try {
      source = from.open_file(name);
    } catch (const FileError& error) {
      return tell(whole, error.code().message());
    }
    to.remove(name);
    const Descriptor copy = to.create(name, 0644);
    std::uint64_t left = std::min(bounds_.file, left_);
    std::string bytes;
    while (true) {
      constexpr std::uint64_t piece = 256U << 10U;
      // One byte more than may be copied, to see whether the file goes on.
      bytes.resize(std::min(piece, left + 1));
      const ssize_t got = ::read(source.number(), bytes.data(), bytes.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return tell(whole, std::generic_category().message(errno));
      if (got == 0) return;
      const auto some = std::min(static_cast<std::uint64_t>(got), left);
      write_all(copy, {bytes.data(), some}, to.path() / name);
      left -= some;
      left_ -= some;
      if (some < static_cast<std::uint64_t>(got)) return tell(whole, "only its beginning is kept: it is too large");
    }
  }

  static void write_all(const Descriptor& file, std::string_view bytes, const fs::path& path) {
    while (!bytes.empty()) {
      const ssize_t put = ::write(file.number(), bytes.data(), bytes.size());
      if (put < 0 && errno != EINTR) throw FileError(errno, path);
      bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(put, 0)));
    }
  }

  const CopyBounds& bounds_;
  std::uint64_t left_;
  std::size_t entries_;
  std::vector<std::string> told_;
};

}  // namespace

std::vector<std::string> copy_plain(const OpenDirectory& from, const OpenDirectory& to, const CopyBounds& bounds) {
  PlainCopy copy(bounds);
  copy.directory(from, to, {}, 0);
  return copy.told();
}

}  // namespace kvmtest::base
