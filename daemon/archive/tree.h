#pragma once
// Files and trees as a stream (tar), from whom nobody trusts and to whom nobody has to. Modes, times and links are
// kept. Any thread; a call does not return before its stream has ended.

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace kvmtest::archive {

/// A file that cannot be read or written, or a stream that is none. what() is one line.
class Failed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One thing to be packed.
struct Item {
  std::filesystem::path file;  ///< a file or a directory, with all that is in it; links in it are packed as links
  std::string name;            ///< that it has in the stream
};

/// Packs them all into an open file, which may be a pipe; whoever reads may go away, which is no error. Throws Failed.
void pack(const std::vector<Item>& items, int into);

/// What unpacking came to.
struct Unpacked {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::string left_out;  ///< why something is missing that was sent; one line, empty: nothing is
};

/// How it is to be done.
struct Unpacking {
  std::filesystem::path directory;  ///< exists
  std::string rename{};             ///< the name that the first part of each path becomes; empty: as it is
  std::uint64_t most_bytes = UINT64_MAX;
  std::uint64_t most_files = UINT64_MAX;
};

/// Unpacks a stream that anybody may have made: files, directories and links, and nothing else; no name leads out of
/// the directory, none goes through a link, and modes are the nine plain bits. What is not wanted is left out, beyond
/// the bounds all that follows, and the stream is read to its end. Throws Failed where the directory cannot be written
/// to, and for what is no stream.
Unpacked unpack(int from, const Unpacking& how);

}  // namespace kvmtest::archive
