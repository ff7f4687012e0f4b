#pragma once
// The default place in RAM for a state directory's store: a directory in the machine's tmpfs, which whoever uses it
// holds locked.

#include <filesystem>

#include "base/descriptor.h"

namespace kvmtest::libvirt {

/// Any thread.
class RamDirectory {
 public:
  /// Makes it if need be. Before that, removes those there that nobody has locked and whose state directory is gone: a
  /// daemon in another mount namespace may well have one that is not to be seen from here.
  explicit RamDirectory(const std::filesystem::path& state_dir);

  /// Empty where there is no tmpfs, and where the directory is somebody else's or locked.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  base::Descriptor lock_;
};

}  // namespace kvmtest::libvirt
