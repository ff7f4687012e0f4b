#include "base/open_directory.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "base/private_directory.h"

namespace kvmtest::base {
namespace {

namespace fs = std::filesystem;

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

[[noreturn]] void fail(int error, const fs::path& path) {
  // The system's words speak of too many links.
  throw FileError(error, path, error == ELOOP ? "is a link" : "");
}

/// Throws for anything that is not names below the directory.
void check(const fs::path& beneath, const fs::path& directory) {
  const auto is_name = [](const fs::path& part) { return !part.empty() && part != "." && part != ".."; };
  if (beneath.empty() || beneath.is_absolute() || !std::all_of(beneath.begin(), beneath.end(), is_name) ||
      beneath.native().find('\0') != std::string::npos)
    throw FileError(EINVAL, directory, fmt::format("'{}' is no path beneath it", beneath.string()));
}

Descriptor opened(int parent, const fs::path& name, int flags, mode_t mode = 0) {
  int number = -1;
  do number = openat(parent, name.c_str(), flags | O_CLOEXEC, mode);
  while (number < 0 && errno == EINTR);
  return Descriptor(number);
}

/// To the user it is made for.
void give(int file, const fs::path& path) {
  const auto caller = caller_of_sudo();
  if (caller && fchown(file, caller->user, caller->group) != 0) fail(errno, path);
}

/// The directory that the last component of a path lies in, and the errors on the way to it.
class Parent {
 public:
  /// `missing`: make what is not there.
  Parent(const OpenDirectory& directory, const fs::path& beneath, bool missing = false, mode_t mode = 0777)
      : number_(directory.descriptor()), path_(directory.path()) {
    check(beneath, directory.path());
    for (const fs::path& part : beneath.parent_path()) {
      const bool made = missing && mkdirat(number_, part.c_str(), mode) == 0;
      if (missing && !made && errno != EEXIST) fail(errno, path_ / part);
      Descriptor next = opened(number_, part, directory_flags);
      if (!next) fail(error_at(part, errno), path_ / part);
      if (made) give(next.number(), path_ / part);
      path_ /= part;
      held_ = std::move(next);
      number_ = held_.number();
    }
    name_ = beneath.filename();
  }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] const char* name() const { return name_.c_str(); }
  [[nodiscard]] fs::path full() const { return path_ / name_; }
  [[nodiscard]] Descriptor open(int flags, mode_t mode = 0) const { return opened(number_, name_, flags, mode); }
  [[noreturn]] void fail_here(int error) const { fail(error_at(name_, error), full()); }

 private:
  /// With O_DIRECTORY, the kernel says of a link what it says of a file.
  [[nodiscard]] int error_at(const fs::path& name, int error) const {
    struct stat status {};
    if (error != ENOTDIR || fstatat(number_, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return error;
    return S_ISLNK(status.st_mode) ? ELOOP : error;
  }

  int number_;
  fs::path path_;
  fs::path name_;
  Descriptor held_;
};

OpenDirectory::Kind kind_of(mode_t mode) {
  using Kind = OpenDirectory::Kind;
  if (S_ISREG(mode)) return Kind::file;
  if (S_ISDIR(mode)) return Kind::directory;
  return S_ISLNK(mode) ? Kind::link : Kind::other;
}

/// By a descriptor that stands for the file without opening it, so that nothing else is opened instead.
Descriptor open_plain(const Parent& parent, int flags) {
  const Descriptor there = parent.open(O_PATH | O_NOFOLLOW);
  if (!there) parent.fail_here(errno);
  struct stat status {};
  if (fstat(there.number(), &status) != 0) parent.fail_here(errno);
  if (S_ISLNK(status.st_mode)) parent.fail_here(ELOOP);
  if (S_ISDIR(status.st_mode)) parent.fail_here(EISDIR);
  if (!S_ISREG(status.st_mode)) throw FileError(EINVAL, parent.full(), "is not a plain file");
  Descriptor file = opened(AT_FDCWD, fmt::format("/proc/self/fd/{}", there.number()), flags);
  if (!file) parent.fail_here(errno);
  return file;
}

/// Of this process: no two have the same.
std::string fresh_name() {
  static std::atomic<std::uint64_t> count{0};
  return fmt::format(".kvmtest-new-{}-{}", getpid(), ++count);
}

void write_all(int file, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(file, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(errno, path);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

using Stream = std::unique_ptr<DIR, int (*)(DIR*)>;

/// Of a directory that has just been opened.
Stream stream_of(Descriptor directory, const fs::path& path) {
  if (!directory) fail(errno, path);
  Stream stream(fdopendir(directory.number()), closedir);
  if (!stream) fail(errno, path);
  (void)directory.release();
  return stream;
}

/// Of a directory that stays open. From its first entry: one that shares the descriptor's offset may be anywhere.
Stream stream_of(int directory, const fs::path& path) {
  return stream_of(opened(directory, ".", directory_flags), path);
}

/// The next one but "." and ".."; null at the end.
const dirent* next_entry(DIR* stream, const fs::path& path) {
  while (true) {
    errno = 0;
    const dirent* entry = readdir(stream);
    if (entry == nullptr && errno != 0) fail(errno, path);
    if (entry == nullptr) return nullptr;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return entry;
  }
}

/// Empties a directory. What lies deeper than a few levels is brought up to the top first, so that neither the stack
/// nor the descriptors grow with what somebody else has made.
class Emptying {
 public:
  Emptying(int top, const fs::path& path) : top_(top), path_(path) {}

  void run() {
    do {
      brought_up_ = false;
      empty(stream_of(top_, path_), 0);
    } while (brought_up_);
  }

 private:
  static constexpr unsigned deepest = 16;

  void empty(Stream stream, unsigned depth) {
    const int directory = dirfd(stream.get());
    while (const dirent* entry = next_entry(stream.get(), path_)) {
      const char* name = entry->d_name;
      if (unlinkat(directory, name, 0) == 0 || errno == ENOENT) continue;
      const int error = errno;
      Descriptor below = opened(directory, name, directory_flags);
      // Which error unlinkat has for a directory is the file system's choice.
      if (!below) fail(errno == ENOTDIR || errno == ELOOP ? error : errno, path_ / name);
      if (depth == deepest) {
        if (renameat(directory, name, top_, fresh_name().c_str()) != 0) fail(errno, path_ / name);
        brought_up_ = true;
        continue;
      }
      empty(stream_of(std::move(below), path_ / name), depth + 1);
      if (unlinkat(directory, name, AT_REMOVEDIR) != 0 && errno != ENOENT) fail(errno, path_ / name);
    }
  }

  int top_;
  const fs::path& path_;
  bool brought_up_ = false;
};

}  // namespace

FileError::FileError(int error, const fs::path& path, std::string_view reason)
    : std::system_error(error, std::generic_category()),
      text_(fmt::format("{}: {}", path.string(), reason.empty() ? std::generic_category().message(error) : reason)) {}

OpenDirectory::OpenDirectory(const fs::path& path) : descriptor_(opened(AT_FDCWD, path, directory_flags)), path_(path) {
  if (descriptor_) return;
  const int error = errno;
  std::error_code ignored;
  fail(fs::is_symlink(fs::symlink_status(path, ignored)) ? ELOOP : error, path);
}

OpenDirectory OpenDirectory::made(const fs::path& path, mode_t mode) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error) fail(error.value(), path.parent_path());
  const bool fresh = mkdir(path.c_str(), mode) == 0;
  if (!fresh && errno != EEXIST) fail(errno, path);
  OpenDirectory directory(path);
  if (fresh) give(directory.descriptor(), path);
  return directory;
}

OpenDirectory OpenDirectory::open(const fs::path& beneath) const {
  const Parent parent(*this, beneath);
  Descriptor found = parent.open(directory_flags);
  if (!found) parent.fail_here(errno);
  return {std::move(found), parent.full()};
}

OpenDirectory OpenDirectory::make(const fs::path& beneath, mode_t mode) const {
  const Parent parent(*this, beneath, true, mode);
  const bool made = mkdirat(parent.number(), parent.name(), mode) == 0;
  if (!made && errno != EEXIST) parent.fail_here(errno);
  Descriptor found = parent.open(directory_flags);
  if (!found) parent.fail_here(errno);
  if (made) give(found.number(), parent.full());
  return {std::move(found), parent.full()};
}

OpenDirectory OpenDirectory::make_new(const fs::path& beneath, mode_t mode) const {
  const Parent parent(*this, beneath, true, mode);
  if (mkdirat(parent.number(), parent.name(), mode) != 0) parent.fail_here(errno);
  Descriptor found = parent.open(directory_flags);
  if (!found) parent.fail_here(errno);
  give(found.number(), parent.full());
  return {std::move(found), parent.full()};
}

std::vector<OpenDirectory::Entry> OpenDirectory::list(std::size_t most) const {
  const Stream stream = stream_of(descriptor(), path_);
  std::vector<Entry> entries;
  while (const dirent* entry = next_entry(stream.get(), path_)) {
    if (entries.size() == most) fail(EOVERFLOW, path_);
    struct stat status {};
    if (fstatat(descriptor(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // it has gone meanwhile
      fail(errno, path_ / entry->d_name);
    }
    entries.push_back({entry->d_name, kind_of(status.st_mode)});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

std::optional<OpenDirectory::Kind> OpenDirectory::kind(const fs::path& beneath) const {
  try {
    const Parent parent(*this, beneath);
    struct stat status {};
    if (fstatat(parent.number(), parent.name(), &status, AT_SYMLINK_NOFOLLOW) != 0) parent.fail_here(errno);
    return kind_of(status.st_mode);
  } catch (const FileError& error) {
    if (error.code() == std::errc::no_such_file_or_directory) return std::nullopt;
    throw;
  }
}

Descriptor OpenDirectory::open_file(const fs::path& beneath) const {
  return open_plain(Parent(*this, beneath), O_RDONLY);
}

std::optional<OpenDirectory::Contents> OpenDirectory::read(const fs::path& beneath, std::size_t bound) const {
  Descriptor file;
  try {
    file = open_file(beneath);
  } catch (const FileError& error) {
    if (error.code() == std::errc::no_such_file_or_directory) return std::nullopt;
    throw;
  }
  constexpr std::size_t at_once = 1U << 16U;
  Contents contents;
  while (true) {
    const std::size_t had = contents.bytes.size();
    // One byte more than is wanted, to see whether the file goes on.
    const std::size_t wanted = std::min(at_once, bound - had) + 1;
    contents.bytes.resize(had + wanted);
    const ssize_t got = ::read(file.number(), contents.bytes.data() + had, wanted);
    contents.bytes.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno != EINTR) fail(errno, path_ / beneath);
    contents.whole = contents.bytes.size() <= bound;
    if (got == 0 || !contents.whole) break;
  }
  if (!contents.whole) contents.bytes.resize(bound);
  return contents;
}

Descriptor OpenDirectory::create(const fs::path& beneath, mode_t mode) const {
  const Parent parent(*this, beneath);
  Descriptor file = parent.open(O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (!file) parent.fail_here(errno);
  give(file.number(), parent.full());
  return file;
}

Descriptor OpenDirectory::open_or_create(const fs::path& beneath, mode_t mode) const {
  const Parent parent(*this, beneath);
  while (true) {
    Descriptor made = parent.open(O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (made) {
      give(made.number(), parent.full());
      return made;
    }
    if (errno != EEXIST) parent.fail_here(errno);
    try {
      return open_plain(parent, O_RDWR);
    } catch (const FileError& error) {
      if (error.code() != std::errc::no_such_file_or_directory) throw;  // else it has gone meanwhile
    }
  }
}

void OpenDirectory::write(const fs::path& beneath, std::string_view bytes, mode_t mode) const {
  const Parent parent(*this, beneath);
  std::string fresh;
  Descriptor file;
  do {
    fresh = fresh_name();
    file = opened(parent.number(), fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (!file && errno != EEXIST) parent.fail_here(errno);
  } while (!file);
  try {
    give(file.number(), parent.full());
    write_all(file.number(), bytes, parent.full());
    if (::close(file.release()) != 0) parent.fail_here(errno);
    if (renameat(parent.number(), fresh.c_str(), parent.number(), parent.name()) != 0) parent.fail_here(errno);
  } catch (...) {
    unlinkat(parent.number(), fresh.c_str(), 0);
    throw;
  }
}

void OpenDirectory::move(const fs::path& beneath, const OpenDirectory& there, const fs::path& to) const {
  const Parent from(*this, beneath);
  const Parent target(there, to);
  if (renameat(from.number(), from.name(), target.number(), target.name()) != 0) from.fail_here(errno);
}

void OpenDirectory::clear() const { Emptying(descriptor(), path_).run(); }

void OpenDirectory::remove(const fs::path& beneath) const {
  try {
    const Parent parent(*this, beneath);
    if (unlinkat(parent.number(), parent.name(), 0) == 0) return;
    const int error = errno;
    if (error == ENOENT) return;
    const Descriptor directory = parent.open(directory_flags);
    if (!directory) parent.fail_here(errno == ENOTDIR || errno == ELOOP ? error : errno);
    Emptying(directory.number(), parent.full()).run();
    if (unlinkat(parent.number(), parent.name(), AT_REMOVEDIR) != 0 && errno != ENOENT) parent.fail_here(errno);
  } catch (const FileError& error) {
    if (error.code() != std::errc::no_such_file_or_directory) throw;
  }
}

}  // namespace kvmtest::base
