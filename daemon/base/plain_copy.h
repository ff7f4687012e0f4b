#pragma once
// Copies what somebody else has written, a guest for one: plain files and directories, and no more than is bearable.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/open_directory.h"

namespace kvmtest::base {

struct CopyBounds {
  std::uint64_t file = 256U << 20U;    ///< bytes of a file; of a longer one its beginning is copied
  std::uint64_t total = 1024U << 20U;  ///< bytes of all files
  std::size_t entries = 10'000;        ///< files and directories
  unsigned depth = 16;                 ///< directories in directories
};

/// Copies what lies in `from` into `to`, in place of what has its name there. Copies are plain files with mode 0644 and
/// directories, both reduced by the umask: no link, FIFO or device, no set-user-id bit, no other name of a file comes
/// along. Returns what was not copied, or not whole, a line each and at most ten. Throws FileError when `to` cannot be
/// written. Any thread.
std::vector<std::string> copy_plain(const OpenDirectory& from, const OpenDirectory& to, const CopyBounds& bounds = {});

}  // namespace kvmtest::base
