#include "base/own_program.h"

#include <system_error>

namespace kvmtest::base {

namespace fs = std::filesystem;

const fs::path& own_program() {
  static const fs::path program = [] {
    std::error_code error;
    return fs::read_symlink("/proc/self/exe", error);
  }();
  return program;
}

}  // namespace kvmtest::base
