#include "process/own_mounts.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

namespace kvmtest::process {
namespace {

/// In a chroot the root is no mount, so that nothing can be said about it. A copy of it all, put on top of /proc and
/// made the root, is one, and nobody else's.
int make_root_a_mount() {
  const int tree = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (tree < 0) return errno;
  mount_attr attributes{};
  attributes.propagation = MS_PRIVATE;
  const bool done = mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) == 0 &&
                    mount(nullptr, "/proc", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                    move_mount(tree, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) == 0 && chdir("/proc") == 0 &&
                    chroot(".") == 0;
  const int error = done ? 0 : errno;
  close(tree);
  return error;
}

}  // namespace

int take_own_mounts() {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return chdir("/") == 0 ? 0 : errno;
  return errno == EINVAL ? make_root_a_mount() : errno;
}

}  // namespace kvmtest::process
