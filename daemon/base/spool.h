#pragma once
// Texts that wait on disk, so that they cost no memory.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/mutex.h"

namespace kvmtest::base {

/// A file without a name, which goes with the last of its users. Any thread.
class Spool {
 public:
  struct Place {
    std::uint64_t at = 0;
    std::uint32_t bytes = 0;
  };

  /// In that directory, which is there. Throws std::system_error, as do the others.
  explicit Spool(const std::filesystem::path& directory);

  [[nodiscard]] Place put(std::string_view text);
  [[nodiscard]] std::string get(Place place) const;

 private:
  const std::filesystem::path directory_;  ///< for messages
  const Descriptor file_;
  Mutex mutex_;
  std::uint64_t end_ GUARDED_BY(mutex_) = 0;
};

}  // namespace kvmtest::base
