#include "sandbox/user_namespace.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/input_error.h"
#include "process/run.h"

namespace kvmtest::sandbox {

static bool groups_kept = false;  ///< this process' groups cannot be set in its user namespace, only be kept

namespace {

using core::InputError;

constexpr auto patience = std::chrono::seconds(30);
/// In a namespace with the usual 65,536 ids; above those of Debian's own accounts.
constexpr uid_t first_id_inside = 10000;
/// On a machine. Above what accounts, containers (subuid(5)) and systemd's dynamic users have.
constexpr uid_t first_id_of_machine = 1'500'000'000;
constexpr uid_t most_ids = 251;
uid_t first_id = first_id_of_machine;

std::string first_line_of(const char* file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// Ids of the machine that are this user's to give away, as getsubids(1) and newuidmap(1) have them.
struct Range {
  unsigned long first = 0;
  unsigned long count = 0;
};

struct Words {
  std::string printed;
  bool good = false;
};

Words printed_by(std::vector<std::string> command) {
  Words words;
  const auto program = process::find_program(command.front());
  if (program.empty()) {
    words.printed = "there is no " + command.front() + " (package uidmap)";
    return words;
  }
  command.front() = program.string();
  process::Order order;
  order.command = std::move(command);
  order.environment = process::own_environment();
  order.limit = patience;
  const auto take = [&words](std::string_view bytes) {
    words.printed.append(bytes);
    return words.printed.size() < 65536;
  };
  order.take_output = take;
  order.take_errors = take;
  const process::Ended ended = process::run(order);
  words.good = ended.start_error == 0 && process::exit_status(ended) == 0;
  while (!words.printed.empty() && words.printed.back() == '\n') words.printed.pop_back();
  return words;
}

/// The largest that "0: USER FIRST COUNT" lines tell of.
std::optional<Range> largest_range(const std::string& text) {
  std::istringstream in(text);
  std::optional<Range> best;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string number;
    std::string user;
    Range range;
    if (words >> number >> user >> range.first >> range.count && (!best || range.count > best->count)) best = range;
  }
  return best;
}

struct Ranges {
  std::optional<Range> users;
  std::optional<Range> groups;
  std::string lacking;
};

Ranges subordinate_ids(uid_t user) {
  const passwd* entry = getpwuid(user);
  const std::string name = entry != nullptr ? entry->pw_name : std::to_string(user);
  Ranges ranges;
  for (const bool groups : {false, true}) {
    const Words words = groups ? printed_by({"getsubids", "-g", name}) : printed_by({"getsubids", name});
    auto& range = groups ? ranges.groups : ranges.users;
    if (words.good) range = largest_range(words.printed);
    if (range || !ranges.lacking.empty()) continue;
    ranges.lacking = words.printed.starts_with("there is no")
                         ? words.printed
                         : fmt::format("{} has no range in {}", name, groups ? "/etc/subgid" : "/etc/subuid");
  }
  return ranges;
}

/// Maps that user's and group's ids in the namespace of `process`, whose parent's namespace this process is in; returns
/// what newuidmap said, empty: done.
std::string map_ids(pid_t process, uid_t user, gid_t group, const Ranges& ranges) {
  for (const bool groups : {false, true}) {
    const Range& range = groups ? *ranges.groups : *ranges.users;
    const auto words = printed_by({groups ? "newgidmap" : "newuidmap", std::to_string(process), "0",
                                   std::to_string(groups ? group : user), "1", "1", std::to_string(range.first),
                                   std::to_string(range.count)});
    if (!words.good) return words.printed.empty() ? "newuidmap failed" : words.printed;
  }
  return {};
}

bool write_file(const char* file, const std::string& text) {
  const int descriptor = open(file, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool done = write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  close(descriptor);
  errno = error;
  return done;
}

/// A process that stays outside, for newuidmap(1) acts from the parent's namespace.
class Mapper {
 public:
  Mapper(uid_t user, gid_t group, const Ranges& ranges) {
    if (pipe(asked_.data()) != 0 || pipe(answered_.data()) != 0) throw InputError("pipe: no descriptor is left");
    const pid_t whom = getpid();
    process_ = fork();
    if (process_ < 0) throw InputError(fmt::format("a process: {}", strerror(errno)));
    if (process_ > 0) {
      close(asked_[0]);
      close(answered_[1]);
      return;
    }
    close(asked_[1]);
    close(answered_[0]);
    char word = 0;
    std::string said;
    try {
      if (read(asked_[0], &word, 1) == 1) said = map_ids(whom, user, group, ranges);
    } catch (const std::exception& error) {
      said = error.what();
    }
    said = said.substr(0, said.find('\n'));
    if (write(answered_[1], said.data(), said.size()) < 0) _exit(1);
    _exit(0);
  }
  Mapper(const Mapper&) = delete;
  Mapper& operator=(const Mapper&) = delete;
  ~Mapper() {
    if (asked_[1] >= 0) close(asked_[1]);
    close(answered_[0]);
    waitpid(process_, nullptr, 0);
  }
  /// What newuidmap said; empty: it is done.
  std::string map() {
    if (write(asked_[1], "m", 1) != 1) return "the process that maps ids is gone";
    close(asked_[1]);
    asked_[1] = -1;
    std::string said;
    std::array<char, 512> bytes{};
    for (ssize_t got = 0; (got = read(answered_[0], bytes.data(), bytes.size())) > 0;)
      said.append(bytes.data(), static_cast<std::size_t>(got));
    return said;
  }

 private:
  std::array<int, 2> asked_{-1, -1};
  std::array<int, 2> answered_{-1, -1};
  pid_t process_ = -1;
};

}  // namespace

bool map_own_id(uid_t user_inside, uid_t user, gid_t group_inside, gid_t group) {
  return write_file("/proc/self/setgroups", "deny") &&
         write_file("/proc/self/uid_map", fmt::format("{} {} 1", user_inside, user)) &&
         write_file("/proc/self/gid_map", fmt::format("{} {} 1", group_inside, group));
}

std::string why_refused(int error) {
  if (first_line_of("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    return "kernel.unprivileged_userns_clone is 0: sudo sysctl kernel.unprivileged_userns_clone=1";
  if (first_line_of("/proc/sys/user/max_user_namespaces") == "0" || error == ENOSPC)
    return "user.max_user_namespaces is used up: sudo sysctl user.max_user_namespaces=10000";
  if (first_line_of("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
    return "AppArmor keeps namespaces from programs without a profile that allows them: install the Debian package, "
           "which brings one, or sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0";
  return "a container's seccomp filter or a chroot may refuse it: allow user namespaces there, or run as root, or set "
         "a libvirt URI (KVM_URI=qemu:///system)";
}

uid_t first_spare_id() { return first_id; }

std::string enter_user_namespace() {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  Ranges ranges = subordinate_ids(user);
  std::optional<Mapper> mapper;
  if (ranges.lacking.empty()) mapper.emplace(user, group, ranges);
  if (unshare(CLONE_NEWUSER) != 0) {
    const int error = errno;
    throw InputError(fmt::format("no user namespace: {}: {}", strerror(error), why_refused(error)));
  }
  if (mapper) ranges.lacking = mapper->map();
  // It has no others' ids to give.
  if (!ranges.lacking.empty() && !map_own_id(0, user, 0, group)) {
    const int error = errno;
    throw InputError(fmt::format("the user's id in a user namespace: {}; {}", strerror(error), why_refused(error)));
  }
  // The user's other groups, such as kvm, are unknown here: once given up they could not be had again.
  groups_kept = true;
  first_id = ranges.lacking.empty() && std::min(ranges.users->count, ranges.groups->count) > first_id_inside + most_ids
                 ? first_id_inside
                 : 0;
  return ranges.lacking;
}

}  // namespace kvmtest::sandbox

// libvirt sets the groups of each QEMU that it starts, to those of QEMU's user. In a user namespace that would take
// /dev/kvm from it, whose group has no number there, and it is not permitted at all where only one id is mapped. On the
// machine nobody knows the user, so that it has no group that may use /dev/kvm.
extern "C" int setgroups(size_t count, const gid_t* groups) noexcept {
  if (kvmtest::sandbox::groups_kept) return 0;
  std::array<gid_t, 64> all{};
  count = std::min(count, all.size() - 1);
  std::copy_n(groups, count, all.begin());
  struct stat kvm {};
  if (stat("/dev/kvm", &kvm) == 0 && (kvm.st_mode & S_IRGRP) != 0) all[count++] = kvm.st_gid;
  return static_cast<int>(syscall(SYS_setgroups, count, all.data()));
}
