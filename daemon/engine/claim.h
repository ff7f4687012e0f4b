#pragma once
// A prefix belongs to one daemon of this machine at a time. The operating system enforces it: the claim is a lock on a
// file that all daemons share, and dies with its holder.

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/ids.h"

namespace kvmtest::engine {

/// Any thread.
class Claims {
 public:
  /// `directory`: shared by all daemons of one hypervisor; made when missing. `state_dir`: told to those we keep out.
  Claims(std::filesystem::path directory, std::filesystem::path state_dir);
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;
  ~Claims();

  /// Claims all of `prefixes` or none; those we hold already are fine.
  /// Throws ClaimRefused "prefix 'a.' is in use by pid 12 (/some/dir)", HostFault.
  void claim(const std::vector<core::Prefix>& prefixes);
  void release(const core::Prefix& prefix);

  /// Where daemons that share this machine's hypervisor, or the one at `uri`, meet.
  static std::filesystem::path default_directory(const std::string& uri);

 private:
  int lock(const core::Prefix& prefix);

  std::filesystem::path directory_;
  std::filesystem::path state_dir_;
  std::mutex mutex_;
  std::map<core::Prefix, int> held_;  ///< file descriptors; guarded by mutex_
};

}  // namespace kvmtest::engine
