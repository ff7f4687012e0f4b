#pragma once
// Files beneath a directory that is held open. Who may write there, a guest or another user, can put links, pipes and
// devices in the place of anything. None of them is followed or opened: whatever is done here stays beneath the
// directory, whatever becomes of its path meanwhile.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/descriptor.h"

namespace kvmtest::base {

/// What the system, or this file, refuses. what() is one line, "PATH: reason".
class FileError : public std::system_error {
 public:
  /// `reason` empty: the system's words for `error` (errno).
  FileError(int error, const std::filesystem::path& path, std::string_view reason = {});
  [[nodiscard]] const char* what() const noexcept override { return text_.what(); }

 private:
  std::runtime_error text_;  // copies without throwing
};

/// A directory, and what lies beneath it. In all functions `beneath` is a relative path of names, none of them "." or
/// ".."; every component is looked up without following links. What is not a plain directory on the way is an error.
///
/// What is made belongs to who called sudo, where that is how the rights were come by (base/private_directory.h). All
/// functions throw FileError. Modes are reduced by the umask. Any thread, several at once, as far as they do not
/// move the object itself.
class OpenDirectory {
 public:
  enum class Kind { file, directory, link, other };
  struct Entry {
    std::string name;
    Kind kind = Kind::other;
  };
  /// Of a file that may have more than one wants.
  struct Contents {
    std::string bytes;
    bool whole = true;  ///< false: the file goes on
  };

  /// Opens the one at `path`, which the caller trusts, but for its last component: that is no link.
  explicit OpenDirectory(const std::filesystem::path& path);
  /// The same; it and its parents are made as far as they are missing.
  [[nodiscard]] static OpenDirectory made(const std::filesystem::path& path, mode_t mode = 0777);

  /// By which path it was opened: for messages, and for programs that need one.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] int descriptor() const { return descriptor_.number(); }

  // Directories.

  [[nodiscard]] OpenDirectory open(const std::filesystem::path& beneath) const;
  /// Opens it; it and its parents are made as far as they are missing.
  [[nodiscard]] OpenDirectory make(const std::filesystem::path& beneath, mode_t mode = 0777) const;
  /// Makes it anew, its parents as far as they are missing. Throws std::errc::file_exists where something has that
  /// name.
  [[nodiscard]] OpenDirectory make_new(const std::filesystem::path& beneath, mode_t mode = 0777) const;
  /// What lies directly in it, by name. Throws std::errc::value_too_large where that is more than `most` entries.
  [[nodiscard]] std::vector<Entry> list(std::size_t most = 100'000) const;

  // Files. Only plain ones are opened: opening a device may do something, a pipe may wait for ever.

  /// What has that name; nothing: there is nothing.
  [[nodiscard]] std::optional<Kind> kind(const std::filesystem::path& beneath) const;
  /// For reading.
  [[nodiscard]] Descriptor open_file(const std::filesystem::path& beneath) const;
  /// The first `bound` bytes. Nothing: there is nothing of that name.
  [[nodiscard]] std::optional<Contents> read(const std::filesystem::path& beneath, std::size_t bound) const;
  /// A new file, for reading and writing. Throws std::errc::file_exists where something has that name.
  [[nodiscard]] Descriptor create(const std::filesystem::path& beneath, mode_t mode = 0666) const;
  /// A file that may be there, for reading and writing; it keeps what it holds. It is made where it is missing.
  [[nodiscard]] Descriptor open_or_create(const std::filesystem::path& beneath, mode_t mode = 0666) const;
  /// Writes a new file, which takes the name in one step when it is complete: a file or link that had it is gone, and
  /// what that link led to, or other names of that file, are untouched.
  void write(const std::filesystem::path& beneath, std::string_view bytes, mode_t mode = 0666) const;

  // Both.

  /// What has that name is called `to`, in `there`, from now on; a file that had that name is gone.
  void move(const std::filesystem::path& beneath, const OpenDirectory& there, const std::filesystem::path& to) const;
  /// Removes what has that name, a directory with all that is in it. Nothing of that name is no error. However deep the
  /// directory is, few descriptors are open at a time.
  void remove(const std::filesystem::path& beneath) const;
  /// Removes all that lies in it, however much that is.
  void clear() const;

 private:
  OpenDirectory(Descriptor descriptor, std::filesystem::path path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Descriptor descriptor_;
  std::filesystem::path path_;
};

}  // namespace kvmtest::base
