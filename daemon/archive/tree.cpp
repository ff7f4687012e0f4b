#include "archive/tree.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/descriptor.h"

namespace kvmtest::archive {
namespace {

namespace fs = std::filesystem;

struct Closer {
  void operator()(::archive* archive) const {
    archive_free(archive);  // of any kind
  }
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using Archive = std::unique_ptr<::archive, Closer>;
using Entry = std::unique_ptr<archive_entry, Closer>;

constexpr std::size_t block = 65536;

std::string words_of(::archive* archive) {
  const char* words = archive_error_string(archive);
  return words != nullptr ? words : "no reason is known";
}

// ---- packing ----

/// False: nobody reads any more.
bool went_out(::archive* out, int result) {
  if (result >= ARCHIVE_WARN) return true;
  if (archive_errno(out) == EPIPE) return false;
  throw Failed(words_of(out));
}

/// The name in the stream of a file of the item's.
std::string name_of(const Item& item, const fs::path& file) {
  const fs::path below = file.lexically_relative(item.file);
  return below == "." ? item.name : (fs::path(item.name) / below).string();
}

/// A file that grows or shrinks meanwhile has the size that it had at first.
bool pack_bytes(::archive* out, const fs::path& file, std::int64_t size) {
  const base::Descriptor in(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!in) throw Failed(fmt::format("{}: {}", file.string(), std::strerror(errno)));
  std::array<char, block> bytes;
  while (size > 0) {
    const auto most = static_cast<std::size_t>(std::min<std::int64_t>(size, block));
    const ssize_t got = read(in.number(), bytes.data(), most);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Failed(fmt::format("{}: {}", file.string(), std::strerror(errno)));
    if (got == 0) break;
    if (archive_write_data(out, bytes.data(), static_cast<std::size_t>(got)) < 0) return went_out(out, ARCHIVE_FATAL);
    size -= got;
  }
  return true;
}

bool pack_item(::archive* out, const Item& item) {
  const Archive disk(archive_read_disk_new());
  archive_read_disk_set_symlink_physical(disk.get());
  archive_read_disk_set_behavior(disk.get(),
                                 ARCHIVE_READDISK_NO_XATTR | ARCHIVE_READDISK_NO_ACL | ARCHIVE_READDISK_NO_FFLAGS);
  if (archive_read_disk_open(disk.get(), item.file.c_str()) != ARCHIVE_OK) throw Failed(words_of(disk.get()));
  const Entry entry(archive_entry_new());
  while (true) {
    const int result = archive_read_next_header2(disk.get(), entry.get());
    if (result == ARCHIVE_EOF) return true;
    if (result < ARCHIVE_WARN) throw Failed(words_of(disk.get()));
    archive_read_disk_descend(disk.get());
    const fs::path file = archive_entry_sourcepath(entry.get());
    archive_entry_set_pathname(entry.get(), name_of(item, file).c_str());
    // Whose it is there is the other side's business.
    archive_entry_set_uid(entry.get(), 0);
    archive_entry_set_gid(entry.get(), 0);
    archive_entry_set_uname(entry.get(), nullptr);
    archive_entry_set_gname(entry.get(), nullptr);
    const auto type = archive_entry_filetype(entry.get());
    if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
      throw Failed(file.string() + ": neither a file, nor a directory, nor a link");
    if (!went_out(out, archive_write_header(out, entry.get()))) return false;
    if (type == AE_IFREG && !pack_bytes(out, file, archive_entry_size(entry.get()))) return false;
  }
}

// ---- unpacking ----

/// A path of plain components; nothing: it leads elsewhere.
std::optional<fs::path> plain_path(const char* text, const std::string& rename) {
  if (text == nullptr) return std::nullopt;
  fs::path plain;
  for (const fs::path& part : fs::path(text)) {
    if (part == ".." || part == "/") return std::nullopt;
    if (part == "." || part.empty()) continue;
    plain /= plain.empty() && !rename.empty() ? fs::path(rename) : part;
  }
  return plain.empty() ? std::nullopt : std::optional(plain);
}

class Unpacker {
 public:
  Unpacker(int from, const Unpacking& how)
      : how_(how), directory_(fs::canonical(how.directory)), in_(archive_read_new()), disk_(archive_write_disk_new()) {
    archive_read_support_format_tar(in_.get());
    // Not a link in the place of a directory that was just unpacked. Names are checked by plain_path(), and the
    // directory's own path has no link any more.
    archive_write_disk_set_options(disk_.get(), ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM |
                                                    ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                                                    ARCHIVE_EXTRACT_UNLINK);
    if (archive_read_open_fd(in_.get(), from, block) != ARCHIVE_OK) throw Failed(words_of(in_.get()));
  }

  Unpacked run() {
    archive_entry* entry = nullptr;
    while (true) {
      const int result = archive_read_next_header(in_.get(), &entry);
      if (result == ARCHIVE_EOF) return done_;
      if (result < ARCHIVE_WARN) throw Failed("what came is no archive: " + words_of(in_.get()));
      if (const std::string why = take(entry); !why.empty() && done_.left_out.empty()) done_.left_out = why;
    }
  }

 private:
  /// Why it is left out; empty: it is not.
  std::string take(archive_entry* entry) {
    const char* const name = archive_entry_pathname(entry);
    const std::string shown = name != nullptr ? name : "a file without a name";
    const auto path = plain_path(name, how_.rename);
    if (!path) return shown + ": the name leads elsewhere";
    const auto type = archive_entry_filetype(entry);
    const char* const hard = archive_entry_hardlink(entry);
    if (hard == nullptr && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
      return shown + ": neither a file, nor a directory, nor a link";
    if (hard != nullptr) {
      const auto to = plain_path(hard, how_.rename);
      if (!to) return shown + ": the link's name leads elsewhere";
      archive_entry_set_hardlink(entry, (directory_ / *to).c_str());
    }
    if (done_.files == how_.most_files) return fmt::format("there are more than {} files", how_.most_files);
    if (static_cast<std::uint64_t>(archive_entry_size(entry)) > how_.most_bytes - done_.bytes)
      return fmt::format("there are more than {} bytes", how_.most_bytes);
    archive_entry_set_pathname(entry, (directory_ / *path).c_str());
    constexpr mode_t plain = 0777;
    constexpr mode_t of_owner = 0700;
    archive_entry_set_perm(entry, (archive_entry_perm(entry) & plain) | (type == AE_IFDIR ? of_owner : 0U));
    if (archive_write_header(disk_.get(), entry) < ARCHIVE_WARN) return shown + ": " + words_of(disk_.get());
    ++done_.files;
    return type == AE_IFREG && hard == nullptr ? copy(shown) : std::string();
  }

  /// A disk that is full is this machine's, and the end of it.
  std::string copy(const std::string& shown) {
    const void* bytes = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    while (true) {
      const int result = archive_read_data_block(in_.get(), &bytes, &size, &offset);
      if (result == ARCHIVE_EOF) break;
      if (result < ARCHIVE_WARN) throw Failed("what came is no archive: " + words_of(in_.get()));
      if (archive_write_data_block(disk_.get(), bytes, size, offset) < ARCHIVE_WARN)
        throw Failed(shown + ": " + words_of(disk_.get()));
      done_.bytes += size;
    }
    if (archive_write_finish_entry(disk_.get()) < ARCHIVE_WARN) throw Failed(shown + ": " + words_of(disk_.get()));
    return {};
  }

  const Unpacking& how_;
  const fs::path directory_;
  const Archive in_;
  const Archive disk_;
  Unpacked done_;
};

}  // namespace

void pack(const std::vector<Item>& items, int into) {
  const Archive out(archive_write_new());
  archive_write_set_format_gnutar(out.get());  // what busybox reads as well, with names of any length
  archive_write_set_bytes_in_last_block(out.get(), 1);
  if (archive_write_open_fd(out.get(), into) != ARCHIVE_OK) throw Failed(words_of(out.get()));
  for (const Item& item : items)
    if (!pack_item(out.get(), item)) return;
  went_out(out.get(), archive_write_close(out.get()));
}

Unpacked unpack(int from, const Unpacking& how) {
  try {
    return Unpacker(from, how).run();
  } catch (const fs::filesystem_error& e) {
    throw Failed(fmt::format("{}: {}", how.directory.string(), e.code().message()));
  }
}

}  // namespace kvmtest::archive
