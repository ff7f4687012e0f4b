#include "sandbox/sandbox.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/input_error.h"
#include "sandbox/loopback.h"
#include "sandbox/mounts.h"
#include "sandbox/user_namespace.h"

namespace kvmtest::sandbox {
namespace {

using core::InputError;

int outside_proc = -1;  ///< /proc as the machine's other processes have it

/// A socket stays in the namespace in which it was made. What is not taken is closed with the process.
std::vector<int> outside_sockets;
constexpr int most_outside_sockets = 64;

}  // namespace

std::string enter(const std::vector<std::filesystem::path>& kept, const std::vector<Shown>& shown) {
  std::vector<std::filesystem::path> all = kept;
  if (const char* directory = std::getenv("XDG_RUNTIME_DIR")) all.emplace_back(directory);
  std::string lacking;
  if (geteuid() != 0) lacking = enter_user_namespace();
  outside_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < most_outside_sockets; ++i)
    if (const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); made >= 0) outside_sockets.push_back(made);
  // The network first: /sys shows that of whoever mounts it.
  if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWPID) != 0) {
    const int error = errno;
    throw InputError(fmt::format("no namespaces: {}: {}", strerror(error), why_refused(error)));
  }
  enter_mount_namespace(all, shown);
  if (const int error = set_loopback_up(); error != 0)
    throw InputError(fmt::format("the loopback device cannot be set up: {}", strerror(error)));
  return lacking;
}

void begin_processes() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  mount_proc();
}

pid_t outside_pid() {
  std::array<char, 32> text{};
  if (outside_proc < 0 || readlinkat(outside_proc, "self", text.data(), text.size() - 1) <= 0) return getpid();
  return static_cast<pid_t>(std::strtol(text.data(), nullptr, 10));
}

int outside_socket() {
  if (outside_sockets.empty()) return -1;
  const int socket = outside_sockets.back();
  outside_sockets.pop_back();
  return socket;
}

}  // namespace kvmtest::sandbox
