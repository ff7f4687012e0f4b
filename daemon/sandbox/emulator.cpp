#include "sandbox/emulator.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/percent.h"
#include "process/capabilities.h"
#include "sandbox/mounts.h"
#include "sandbox/user_namespace.h"

namespace kvmtest::sandbox {
namespace {

namespace fs = std::filesystem;

const fs::path emulators = fs::path(own_directory) / "qemu";

constexpr std::string_view to_hide = "hide=";
constexpr std::string_view to_show = "show=";
constexpr std::string_view to_write = "write=";

/// With every link followed; empty: it is not there.
fs::path real(const fs::path& path) {
  std::error_code error;
  return fs::canonical(path, error);
}

bool is_in(const fs::path& path, const fs::path& directory) {
  return std::mismatch(directory.begin(), directory.end(), path.begin(), path.end()).first == directory.end();
}

/// Where people, and programs of no importance, have files.
std::vector<fs::path> private_places() {
  std::vector<fs::path> places;
  for (const char* each : {"/home", "/root", "/mnt", "/media", "/srv", "/tmp", "/var/tmp", "/dev/shm"})
    if (const fs::path place = real(each); fs::is_directory(place)) places.push_back(place);
  return places;
}

std::string try_view(uid_t user) {
  const pid_t child = fork();
  if (child == 0) {
    const bool is_somebody = setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0;
    _exit(is_somebody ? enter_emulators_view({}) : errno);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return "no process is left to try it";
  const int error = WEXITSTATUS(status);
  return error == 0 ? std::string() : fmt::format("{}: {}", std::strerror(error), why_refused(error));
}

}  // namespace

process::Confinement view_of(const fs::path& emulator, const std::vector<fs::path>& read,
                             const std::vector<fs::path>& write) {
  process::Confinement files;
  files.hidden = private_places();
  std::erase_if(files.hidden, [&](const fs::path& each) { return is_in(real(emulator), each); });
  const auto in = [](const std::vector<fs::path>& places, const fs::path& path) {
    return std::any_of(places.begin(), places.end(), [&](const fs::path& each) { return is_in(path, each); });
  };
  for (const fs::path& each : write)
    if (const fs::path path = real(each); !path.empty()) files.shown.push_back({path, path});
  for (const char* each : {"/proc", "/dev/pts", "/dev/hugepages"})
    if (fs::exists(each)) files.shown.push_back({each, each});
  // By the name that QEMU is told, and by the one that links lead to. Outer ones first, which would cover the others.
  std::set<fs::path> shown;
  for (const fs::path& each : read)
    for (const fs::path& path : {each.lexically_normal(), real(each)})
      if (in(files.hidden, path) && !in(write, path)) shown.insert(path);
  for (const fs::path& path : shown) files.shown.push_back({path, path, true});
  return files;
}

std::string written(const process::Confinement& files) {
  std::string text;
  const auto add = [&](std::string_view word, const fs::path& path) {
    text += fmt::format("{}{}{}", text.empty() ? "" : " ", word, base::percent_encoded(path.string(), "/"));
  };
  for (const fs::path& each : files.hidden) add(to_hide, each);
  for (const auto& each : files.shown) add(each.to_read ? to_show : to_write, each.where);
  return text;
}

process::Confinement files_from(const std::string& text) {
  process::Confinement files;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const auto path = [&](std::string_view what) { return fs::path(base::percent_decoded(word.substr(what.size()))); };
    if (word.starts_with(to_hide)) files.hidden.push_back(path(to_hide));
    if (word.starts_with(to_show)) files.shown.push_back({path(to_show), path(to_show), true});
    if (word.starts_with(to_write)) files.shown.push_back({path(to_write), path(to_write)});
  }
  return files;
}

fs::path started_by(const fs::path& starter, const fs::path& emulator) {
  struct stat status {};
  if (stat(emulator.c_str(), &status) != 0) throw std::system_error(errno, std::generic_category(), emulator.string());
  return show_file(starter, emulators / fmt::format("{}.{}", status.st_ctim.tv_sec, status.st_ctim.tv_nsec) /
                                emulator.relative_path());
}

fs::path emulator_of(const fs::path& path) {
  const fs::path below = path.lexically_relative(emulators);
  fs::path emulator = "/";
  for (auto part = below.begin(); part != below.end(); ++part) {
    if (*part == "..") return {};
    if (part != below.begin()) emulator /= *part;
  }
  return emulator == "/" ? fs::path() : emulator;
}

int enter_emulators_view(const process::Confinement& files) {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // else its files in /proc are not its own when it has just changed its user
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || !map_own_id(user, user, group, group)) return errno;
  if (const int error = process::see_no_more_than(files); error != 0) return error;
  return process::keep_only({});
}

const std::string& why_no_views() {
  static const std::string why = try_view(first_spare_id());
  return why;
}

}  // namespace kvmtest::sandbox
