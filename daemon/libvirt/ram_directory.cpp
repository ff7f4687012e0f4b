#include "libvirt/ram_directory.h"

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/state_directory.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

constexpr const char* tmpfs = base::StateDirectory::ram_root;

/// The directory, locked; none: it cannot be had, and errno says why.
base::Descriptor locked(const fs::path& directory) {
  base::Descriptor file(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (file && flock(file.number(), LOCK_EX | LOCK_NB) != 0) file = base::Descriptor();
  return file;
}

/// Whether the open directory is this process's user's, and is still the one of that name.
bool is_mine_and_there(int file, const fs::path& directory) {
  struct stat opened {};
  struct stat named {};
  return fstat(file, &opened) == 0 && lstat(directory.c_str(), &named) == 0 && opened.st_uid == geteuid() &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

void remove_orphans(const fs::path& mine) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(tmpfs, error)) {
    if (!entry.path().filename().string().starts_with(base::StateDirectory::ram_prefix) || entry.path() == mine)
      continue;
    std::string owner;
    std::ifstream in(entry.path() / "owner");
    if (!std::getline(in, owner) || fs::exists(owner, error)) continue;
    if (const base::Descriptor file = locked(entry.path())) fs::remove_all(entry.path(), error);
  }
}

}  // namespace

RamDirectory::RamDirectory(const fs::path& state_dir) {
  struct statfs filesystem {};
  if (statfs(tmpfs, &filesystem) != 0 || filesystem.f_type != TMPFS_MAGIC || access(tmpfs, W_OK) != 0) return;
  const fs::path mine = base::StateDirectory(state_dir).ram();
  remove_orphans(mine);
  // Somebody may be removing it just now.
  for (int tries = 0; tries < 100 && path_.empty(); ++tries) {
    if (mkdir(mine.c_str(), 0700) != 0 && errno != EEXIST) return;
    lock_ = locked(mine);
    if (!lock_ && errno != ENOENT) return;
    if (lock_ && is_mine_and_there(lock_.number(), mine)) path_ = mine;
  }
  // QEMU may run as another user, who finds its own file there and lists nothing.
  if (!path_.empty() && fchmod(lock_.number(), 0711) != 0) path_.clear();
  if (path_.empty())
    lock_ = base::Descriptor();
  else
    std::ofstream(mine / "owner") << state_dir.string() << '\n';
}

}  // namespace kvmtest::libvirt
