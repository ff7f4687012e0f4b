#pragma once
// A prefix belongs to one daemon of a network namespace at a time: there the bridges' names are. The operating system
// enforces it. The claim is an address in the abstract namespace of local sockets (unix(7)), which dies with its
// holder, and of which no file is left that another user could have made. With a claim goes a number that no other has.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/mutex.h"
#include "core/ids.h"

namespace kvmtest::engine {

/// Any thread.
class Claims {
 public:
  /// Whose they are, for those whom we keep out.
  struct Holder {
    pid_t pid = 0;
    std::filesystem::path state_dir{};
  };
  /// A new local socket of the machine's own network namespace, or -1: there is none to be had.
  using MachineSocket = std::function<int()>;

  /// `scope`: all daemons of one hypervisor have the same. `machine_socket`: where this process is in a network
  /// namespace of its own, so that numbers differ on the whole machine; empty: it is not.
  Claims(std::string scope, Holder holder, MachineSocket machine_socket = {});
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;
  ~Claims();

  /// Claims all of `prefixes` or none; those we hold already are fine.
  /// Throws ClaimRefused "prefix 'a.' is in use by pid 12 (/some/dir)", HostFault.
  void claim(const std::vector<core::Prefix>& prefixes);
  void release(const core::Prefix& prefix);
  /// A number from 1 to `most_numbers` for ports and addresses that must differ on a machine: no other prefix that is
  /// claimed has it. The same at each claim, unless another prefix that wants it was there first: "a." to "z." want 1
  /// to 26. A prefix keeps it until this object goes. Of a prefix that never was claimed, the one that it wants.
  unsigned number_of(const core::Prefix& prefix);
  static constexpr unsigned most_numbers = 250;

  /// Where daemons that share this machine's hypervisor, or the one at `uri`, meet.
  static std::string default_scope(const std::string& uri);

 private:
  struct Number {
    int socket = -1;
    unsigned value = 0;
  };
  struct Claim {
    int address = -1;
    int holder = -1;
  };

  [[nodiscard]] std::string name(const char* kind, const std::string& of) const;
  Claim take(const core::Prefix& prefix);
  void take_number(const core::Prefix& prefix) REQUIRES(mutex_);
  int number_socket(const core::Prefix& prefix) REQUIRES(mutex_);
  static void close_all(const Claim& claim);

  const std::string scope_;
  const Holder holder_;
  const MachineSocket machine_socket_;
  base::Mutex mutex_;
  std::map<core::Prefix, Claim> held_ GUARDED_BY(mutex_);
  std::map<core::Prefix, Number> numbers_ GUARDED_BY(mutex_);
};

}  // namespace kvmtest::engine
