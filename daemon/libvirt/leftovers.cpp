#include "libvirt/leftovers.h"

#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/descriptor.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

/// Who holds the lock on a pid file; 0: nobody. Libvirt makes the child that becomes the program take it (its
/// src/util/vircommand.c), so it lasts as long as the program does, and cannot be a later process of the same number.
pid_t holder_of(const base::Descriptor& file) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (fcntl(file.number(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return 0;
  return lock.l_pid;
}

/// Whether there was one, which is gone now, or will be as soon as the kernel lets it.
bool end_holder(const fs::path& pid_file) {
  constexpr int patience = 10'000;  // milliseconds
  const base::Descriptor file(open(pid_file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (file.number() < 0) return false;
  const pid_t pid = holder_of(file);
  if (pid <= 0) return false;
  const base::Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (process.number() < 0 || holder_of(file) != pid) return false;  // it ended just then
  syscall(SYS_pidfd_send_signal, process.number(), SIGKILL, nullptr, 0);
  pollfd ended{process.number(), POLLIN, 0};
  while (poll(&ended, 1, patience) < 0 && errno == EINTR) {
  }
  return true;
}

}  // namespace

std::vector<std::string> end_embedded_leftovers(const fs::path& root) {
  std::vector<std::string> ended;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(root / "run", error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".pid" && end_holder(entry->path())) ended.push_back(entry->path().stem());
  for (const char* kept_for_qemus : {"run", "etc", "lib"}) fs::remove_all(root / kept_for_qemus, error);
  return ended;
}

}  // namespace kvmtest::libvirt
