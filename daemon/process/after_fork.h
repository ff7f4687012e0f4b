#pragma once
// Between fork(2) and execve(2), in the child of a process that may have threads: system calls only, no memory is taken
// and nothing is locked. For this folder's own sources.

#include <csignal>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace kvmtest::process {

/// The same file under a number that no standard file has.
inline int out_of_the_way(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 16); }

inline void open_null(int flags, int as) {
  const int null = open("/dev/null", flags);
  if (null >= 0 && null != as) {
    dup2(null, as);
    close(null);
  }
}

inline void close_from(int first) {
  if (close_range(static_cast<unsigned>(first), ~0U, 0) == 0) return;
  for (int descriptor = first; descriptor < 65536; ++descriptor) close(descriptor);  // a kernel before 5.9
}

inline void unblock_signals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// The limit from before allow_open_files().
void restore_open_files();

}  // namespace kvmtest::process
