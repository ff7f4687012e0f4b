#pragma once
// What callers of the system have in common here.

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>

#include "base/descriptor.h"

namespace kvmtest::sandbox {

/// Throws std::system_error.
[[noreturn]] inline void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

/// A file that is not handed on to programs. Throws std::system_error.
inline base::Descriptor opened(const std::string& path, int flags) {
  base::Descriptor file(open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!file) fail(errno, path);
  return file;
}

}  // namespace kvmtest::sandbox
