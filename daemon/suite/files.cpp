#include "suite/files.h"

#include <system_error>

#include "core/input_error.h"
#include "settings/input_file.h"
#include "suite/program.h"
#include "suite/transcript.h"

namespace kvmtest::suite {

namespace fs = std::filesystem;

namespace {

using Question = std::function<bool(const fs::path&)>;

/// Throws core::InputError for what would be passed over, though somebody may have meant it as a test.
void check_entry(const fs::directory_entry& entry) {
  std::error_code ignored;
  const fs::path& path = entry.path();
  const bool called_so = path.extension() == transcript_suffix || path.extension() == list_suffix;
  const bool link_to_nothing = entry.is_symlink(ignored) && !entry.exists(ignored);
  if (!link_to_nothing && (!called_so || entry.is_directory(ignored))) return;
  if (const auto wrong = settings::no_file(path)) throw core::InputError({path}, *wrong);
}

/// False: `visit` had enough.
bool walk_on(const fs::path& directory, const Question& wanted, const Question& visit) {
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::directory_entry& entry = *entries;
    if (entry.path().filename().string().starts_with('.')) continue;
    check_entry(entry);
    if (wanted(entry.path()) && !visit(entry.path())) return false;
    std::error_code ignored;
    const bool below = entry.is_directory(ignored) && !entry.is_symlink(ignored);
    if (below && !walk_on(entry.path(), wanted, visit)) return false;
  }
  if (error) throw core::InputError({directory}, "cannot read the directory: " + error.message());
  return true;
}

}  // namespace

fs::path label_of(const fs::path& path, const fs::path& base) {
  const fs::path relative = path.lexically_relative(base);
  return relative.empty() || *relative.begin() == ".." ? path : relative;
}

void walk(const fs::path& directory, const std::function<bool(const fs::path&)>& wanted,
          const std::function<bool(const fs::path&)>& visit) {
  walk_on(directory, wanted, visit);
}

}  // namespace kvmtest::suite
