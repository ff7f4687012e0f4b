#include "libvirt/niceness.h"

#include <array>
#include <fstream>
#include <string>

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kvmtest::libvirt {

namespace fs = std::filesystem;

bool has_capability(unsigned capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  return syscall(SYS_capget, &header, data.data()) == 0 &&
         (data[capability / 32].effective & (1U << (capability % 32))) != 0;
}

void set_niceness(const fs::path& pid_file, int niceness) {
  static const bool permitted = has_capability(CAP_SYS_NICE);
  std::string pid;
  if (!permitted || !(std::ifstream(pid_file) >> pid)) return;
  // A niceness is a thread's own (setpriority(2), "C library/kernel differences").
  std::error_code error;
  for (const auto& task : fs::directory_iterator("/proc/" + pid + "/task", error))
    setpriority(PRIO_PROCESS, static_cast<id_t>(std::stoul(task.path().filename())), niceness);
}

}  // namespace kvmtest::libvirt
