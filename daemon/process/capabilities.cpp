#include "process/capabilities.h"

#include <array>
#include <cerrno>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kvmtest::process {
namespace {

/// 64 bits in two words.
struct OfThread {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> words{};

  bool read() { return syscall(SYS_capget, &header, words.data()) == 0; }
  bool write() { return syscall(SYS_capset, &header, words.data()) == 0; }
};

}  // namespace

bool has_capability(unsigned each) {
  OfThread own;
  return own.read() && (own.words[each / 32].effective >> (each % 32) & 1) != 0;
}

int keep_only(const Capabilities& kept) {
  for (unsigned each = 0; each < 64; ++each)
    if (!kept.has(each)) prctl(PR_CAPBSET_DROP, each, 0, 0, 0);  // fails for those that the kernel lacks
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  OfThread own;
  if (!own.read()) return errno;
  for (unsigned which = 0; which < own.words.size(); ++which) {
    own.words[which].permitted &= kept.word(which);
    own.words[which].effective = own.words[which].permitted;
    own.words[which].inheritable = 0;
  }
  return own.write() ? 0 : errno;
}

}  // namespace kvmtest::process
