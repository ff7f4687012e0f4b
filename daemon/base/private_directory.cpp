#include "base/private_directory.h"

#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/open_directory.h"
#include "core/input_error.h"

namespace kvmtest::base {
namespace {

using core::InputError;

constexpr mode_t others = 077;

}  // namespace

std::optional<Caller> caller_of_sudo() {
  const char* user = std::getenv("SUDO_UID");
  const char* group = std::getenv("SUDO_GID");
  if (geteuid() != 0 || user == nullptr || group == nullptr) return std::nullopt;
  return Caller{static_cast<uid_t>(std::strtoul(user, nullptr, 10)),
                static_cast<gid_t>(std::strtoul(group, nullptr, 10))};
}

bool is_ours(uid_t user) {
  const auto caller = caller_of_sudo();
  return user == geteuid() || (caller && user == caller->user);
}

std::string make_private(const std::filesystem::path& path) {
  try {
    const OpenDirectory directory = OpenDirectory::made(path, 0700);
    struct stat status {};
    if (fstat(directory.descriptor(), &status) != 0) throw FileError(errno, path);
    if (!is_ours(status.st_uid))
      throw InputError({path}, fmt::format("belongs to another user (uid {}); run as that user, or name another state "
                                           "directory: state_dir in the settings, or --state-dir",
                                           status.st_uid));
    std::string notice;
    if ((status.st_mode & others) != 0) {
      if (fchmod(directory.descriptor(), 0700) != 0) throw FileError(errno, path);
      notice = fmt::format("{}: other users could look into it; now it is its owner's alone", path.string());
    }
    for (const OpenDirectory::Entry& entry : directory.list())
      if (entry.kind == OpenDirectory::Kind::link)
        throw InputError({path / entry.name}, "is a link, and nothing in a state directory is; remove it");
    return notice;
  } catch (const FileError& error) {
    throw InputError(std::string("the state directory cannot be used: ") + error.what());
  }
}

}  // namespace kvmtest::base
