#include "base/served.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace kvmtest::base {

bool is_served(const StateDirectory& state_dir) {
  const int file = open(state_dir.lock().c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool served = flock(file, LOCK_SH | LOCK_NB) != 0;
  close(file);
  return served;
}

}  // namespace kvmtest::base
