#pragma once
// A process' mounts in a mount namespace that it has just made.

namespace kvmtest::process {

/// From now on what this process mounts is seen outside its mount namespace no more, and what others mount there is not
/// seen here; in a chroot, too. The current directory is the root afterwards. Returns an errno; 0: done. Needs
/// CAP_SYS_ADMIN. System calls only: may be called between fork(2) and execve(2).
int take_own_mounts();

}  // namespace kvmtest::process
