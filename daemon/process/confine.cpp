#include "process/confine.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "process/capabilities.h"
#include "process/own_mounts.h"

namespace kvmtest::process {
namespace {

namespace fs = std::filesystem;

constexpr unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;

/// With root's own files alone, a program that sudo started could not read its user's. tcpdump changes to a user of its
/// own. Neither leads to what is hidden, for which one would have to mount, trace, or open by handle.
constexpr Capabilities kept{CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_NET_RAW};

int drop_rights() {
  const int error = keep_only(kept);
  return error != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? error : errno;
}

int make_read_only(int directory, const char* path, unsigned flags) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  return mount_setattr(directory, path, flags | AT_RECURSIVE, &attributes, sizeof attributes) == 0 ? 0 : errno;
}

int write_file(const char* file, const char* text, std::size_t size) {
  const int descriptor = open(file, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = write(descriptor, text, size) < 0 ? errno : 0;
  close(descriptor);
  return error;
}

void set_limit(__rlimit_resource which, rlim_t most) {
  rlimit limit{};
  if (getrlimit(which, &limit) != 0) return;
  limit.rlim_max = most < limit.rlim_max ? most : limit.rlim_max;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(which, &limit);
}

/// Whether a PID namespace has a pid_max of its own. Before, that file is the machine's.
bool has_own_pid_max() {
  utsname system{};
  unsigned major = 0;
  unsigned minor = 0;
  if (uname(&system) != 0 || std::sscanf(system.release, "%u.%u", &major, &minor) != 2) return false;
  return major > 6 || (major == 6 && minor >= 14);
}

// Numbers below it are not used again, once all have been (Linux, kernel/pid.c).
constexpr unsigned reserved_pids = 300;

}  // namespace

bool can_confine() { return has_capability(CAP_SYS_ADMIN); }

int see_no_more_than(const Confinement& files) { return ConfinementSteps(files).arrange(true); }

ConfinementSteps::ConfinementSteps(const Confinement& confinement)
    : apart_(can_confine()), memory_(confinement.memory), processes_(confinement.processes) {
  for (const fs::path& each : confinement.hidden) hidden_.push_back(each);
  for (const auto& [what, where, to_read] : confinement.shown) {
    std::error_code error;
    const bool directory = fs::is_directory(what, error);
    fs::path above;
    for (const fs::path& part : directory ? where : where.parent_path()) directories_.push_back(above /= part);
    shown_.push_back({what, where, directory, to_read, -1});
  }
  if (processes_ != 0 && has_own_pid_max()) most_pids_ = std::to_string(processes_ + reserved_pids);
}

// ---- in the child of a process with threads: see after_fork.h ----

int ConfinementSteps::enter() {
  // Where memory runs out, it is the first to go. This cannot be said later, when the reaper is nobody's to look at.
  write_file("/proc/self/oom_score_adj", "500", 3);
  if (unshare(CLONE_NEWNS | CLONE_NEWPID) != 0) return errno;
  if (const int error = take_own_mounts(); error != 0) return error;
  return arrange(false);
}

int ConfinementSteps::arrange(bool rest_to_read) {
  for (Mount& each : shown_) {
    each.tree = open_tree(AT_FDCWD, each.what.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (each.tree < 0) return errno;
    if (const int error = each.to_read ? make_read_only(each.tree, "", AT_EMPTY_PATH) : 0; error != 0) return error;
  }
  const mode_t mask = umask(022);
  int error = hide();
  if (error == 0) make_places();
  if (error == 0 && rest_to_read) error = make_read_only(AT_FDCWD, "/", 0);
  if (error == 0) error = show();
  umask(mask);
  return error;
}

int ConfinementSteps::hide() {
  for (const std::string& each : hidden_)
    if (mount("tmpfs", each.c_str(), "tmpfs", plain, "mode=0755") != 0 && errno != ENOENT) return errno;
  return 0;
}

/// What keeps one from being made is told by show().
void ConfinementSteps::make_places() {
  for (const std::string& each : directories_) mkdir(each.c_str(), 0755);  // most are there
  for (const Mount& each : shown_)
    if (!each.directory) close(open(each.where.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

int ConfinementSteps::show() {
  for (const Mount& each : shown_) {
    if (move_mount(each.tree, "", AT_FDCWD, each.where.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) return errno;
    close(each.tree);
  }
  for (const std::string& each : hidden_)
    if (mount(nullptr, each.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | plain, nullptr) != 0 &&
        errno != ENOENT)
      return errno;
  return 0;
}

int ConfinementSteps::begin() {
  if (mount("proc", "/proc", "proc", plain, nullptr) != 0) return errno;
  // On a machine with very many processors the least is more than this.
  counted_ = !most_pids_.empty() && write_file("/proc/sys/kernel/pid_max", most_pids_.data(), most_pids_.size()) == 0;
  if (mount("/proc/sys", "/proc/sys", nullptr, MS_BIND, nullptr) != 0 ||
      mount(nullptr, "/proc/sys", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | plain, nullptr) != 0)
    return errno;
  // It has the memory of the process that started it, and with it what the program is not to know.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno;
  return drop_rights();
}

void ConfinementSteps::limit() const {
  if (memory_ != 0) set_limit(RLIMIT_AS, memory_);
  if (processes_ != 0 && apart_ && !counted_) set_limit(RLIMIT_NPROC, processes_);
}

}  // namespace kvmtest::process
