#include "sandbox/mounts.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/mutex.h"
#include "core/input_error.h"
#include "process/own_mounts.h"
#include "sandbox/user_namespace.h"

namespace kvmtest::sandbox {
namespace {

namespace fs = std::filesystem;
using core::InputError;

[[noreturn]] void refuse(const std::string& what) {
  const int error = errno;
  throw InputError(fmt::format("{}: {}: {}", what, strerror(error), why_refused(error)));
}

/// Below /run, in order, none within another.
std::vector<fs::path> kept_in_run(const std::vector<fs::path>& wanted) {
  std::vector<fs::path> kept;
  for (const fs::path& path : wanted) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (!error && real.string().starts_with("/run/") && fs::is_directory(real, error)) kept.push_back(real);
  }
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end(),
                         [](const fs::path& outer, const fs::path& inner) {
                           return inner == outer || inner.string().starts_with(outer.string() + '/');
                         }),
             kept.end());
  return kept;
}

void empty_run(const std::vector<fs::path>& wanted) {
  std::vector<std::pair<fs::path, int>> kept;
  for (const fs::path& path : kept_in_run(wanted)) {
    const int tree = open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0) refuse(path.string());
    kept.emplace_back(path, tree);
  }
  if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0) refuse("/run");
  for (const auto& [path, tree] : kept) {
    fs::create_directories(path);
    if (move_mount(tree, "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) refuse(path.string());
    close(tree);
  }
}

void make_passable(const fs::path& directory) {
  fs::create_directories(directory);
  for (fs::path each = directory; each != "/run"; each = each.parent_path())
    fs::permissions(each, static_cast<fs::perms>(0711));
}

void show(const std::vector<Shown>& shown) {
  for (const auto& [directory, as] : shown) {
    fs::create_directories(directory);
    fs::permissions(directory, static_cast<fs::perms>(0711));  // what is above is closed
    make_passable(as);
    if (mount(directory.c_str(), as.c_str(), nullptr, MS_BIND, nullptr) != 0) refuse(directory.string());
  }
}

bool is_same_file(const fs::path& one, const fs::path& other) {
  struct stat first {};
  struct stat second {};
  return stat(one.c_str(), &first) == 0 && stat(other.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

/// Adds a line to a file of accounts as this process sees it, where no line begins with `name` yet.
void add_account(const fs::path& file, const std::string& name, const std::string& line) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  if (("\n" + text.str()).find("\n" + name + ":") != std::string::npos) return;
  const fs::path copy = fs::path("/run/kvmtest") / file.filename();
  fs::create_directories(copy.parent_path());
  std::ofstream out(copy);
  // Without a file more it would otherwise be about the file that is not there.
  if (!in || !out) throw std::runtime_error(fmt::format("{}: {}", copy.string(), strerror(errno)));
  out << text.str() << line << '\n';
  out.close();
  fs::permissions(copy, static_cast<fs::perms>(0644));
  if (mount(copy.c_str(), file.c_str(), nullptr, MS_BIND, nullptr) != 0) refuse(file.string());
}

/// As root, libvirt's driver asks for the ids of the user that Debian has compiled into it, although it is told others
/// to use; where no such user is, it ends. On a machine with nothing but the driver there is none.
void add_accounts_for_libvirt() {
  const char* const name = "libvirt-qemu";
  if (getpwnam(name) == nullptr)
    add_account("/etc/passwd", name, "libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin");
  if (getgrnam(name) == nullptr) add_account("/etc/group", name, "libvirt-qemu:x:64055:");
  if (getgrnam("kvm") == nullptr) add_account("/etc/group", "kvm", "kvm:x:64056:");
}

/// What makes a TPM's certificates keeps its keys in a directory of the machine's, which may be written to by root or
/// the TPM's own user alone. An ordinary user gets one that lasts as long as the namespace: nobody asks a TPM of a test
/// whose it is. Source: swtpm-localca.conf(5), statedir.
void replace_keys_of_tpm() {
  const char* const keys = "/var/lib/swtpm-localca";
  if (!fs::is_directory(keys) || access(keys, W_OK) == 0) return;
  if (mount("tmpfs", keys, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0750") != 0) refuse(keys);
}

}  // namespace

void enter_mount_namespace(const std::vector<fs::path>& kept, const std::vector<Shown>& shown) {
  const fs::path here = fs::current_path();
  if (unshare(CLONE_NEWNS) != 0) refuse("no mount namespace");
  errno = process::take_own_mounts();
  if (errno != 0) refuse("mounts of one's own");
  empty_run(kept);
  show(shown);
  add_accounts_for_libvirt();
  replace_keys_of_tpm();
  if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) refuse("/sys");
  std::error_code error;
  fs::current_path(here, error);  // what lies above the current directory may be another mount now
  if (error) fs::current_path("/", error);
}

fs::path show_file(const fs::path& file) {
  return show_file(file, fs::path(own_directory) / "files" / base::short_digest_of(file.string()) / file.filename());
}

fs::path show_file(const fs::path& file, const fs::path& shown) {
  static base::Mutex mutex;
  const base::Lock lock(mutex);
  if (is_same_file(file, shown)) return shown;
  make_passable(shown.parent_path());
  // The file that was there has been replaced by another one.
  umount2(shown.c_str(), MNT_DETACH);
  const int placeholder = open(shown.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (placeholder >= 0) close(placeholder);
  if (mount(file.c_str(), shown.c_str(), nullptr, MS_BIND, nullptr) != 0)
    throw std::system_error(errno, std::generic_category(), "it cannot be shown to QEMU's user");
  return shown;
}

void mount_proc() {
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) refuse("/proc");
}

}  // namespace kvmtest::sandbox
