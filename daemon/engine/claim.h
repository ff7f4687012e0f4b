#pragma once
// A prefix belongs to one daemon of this machine at a time. The operating system enforces it: the claim is a lock on a
// file that all daemons share, and dies with its holder. With a claim goes a number that no other claim has.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
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
  /// A number from 1 to `most_numbers` for ports and addresses that must differ on a machine: no other prefix that is
  /// claimed has it. The same at each claim, unless another prefix that wants it was there first: "a." to "z." want 1
  /// to 26. Of a prefix that is not claimed, the one that it wants.
  unsigned number_of(const core::Prefix& prefix);
  static constexpr unsigned most_numbers = 250;

  /// Where daemons that share this machine's hypervisor, or the one at `uri`, meet.
  static std::filesystem::path default_directory(const std::string& uri);

 private:
  struct Claim {
    int file = -1;
    int number_file = -1;
    unsigned number = 0;
  };

  Claim lock(const core::Prefix& prefix);
  int open_file(const std::string& name, const core::Prefix& prefix);
  void write_holder(int file, const std::string& name, const core::Prefix& prefix);
  void take_number(Claim& claim, const core::Prefix& prefix);
  static void close_all(const Claim& claim);

  std::filesystem::path directory_;
  std::filesystem::path state_dir_;
  base::Mutex mutex_;
  std::map<core::Prefix, Claim> held_ GUARDED_BY(mutex_);
};

}  // namespace kvmtest::engine
