#include "suite/files.h"

#include <system_error>

#include "core/input_error.h"

namespace kvmtest::suite {

namespace fs = std::filesystem;

fs::path label_of(const fs::path& path, const fs::path& base) {
  const fs::path relative = path.lexically_relative(base);
  return relative.empty() || *relative.begin() == ".." ? path : relative;
}

void walk(const fs::path& directory, const std::function<bool(const fs::path&)>& wanted,
          const std::function<bool(const fs::path&)>& visit) {
  try {
    for (fs::recursive_directory_iterator it(directory); it != fs::recursive_directory_iterator(); ++it) {
      const bool hidden = it->path().filename().string().starts_with('.');
      std::error_code ignored;
      if (hidden && it->is_directory(ignored)) it.disable_recursion_pending();
      if (!hidden && wanted(it->path()) && !visit(it->path())) return;
    }
  } catch (const fs::filesystem_error& error) {
    throw core::InputError({error.path1().empty() ? directory : error.path1()},
                           "cannot read the directory: " + error.code().message());
  }
}

}  // namespace kvmtest::suite
