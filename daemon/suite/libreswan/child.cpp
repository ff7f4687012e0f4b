#include "suite/libreswan/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace kvmtest::suite::libreswan {

namespace {

constexpr std::size_t output_bound = 64U << 20U;  // bytes; of a console a sanitizer prints less than it is given

/// A file in memory that the child writes to: a pipe would want somebody to read it meanwhile.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("kvmtest-child", MFD_CLOEXEC)) {}
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::size_t size() const {
    const off_t size = lseek(descriptor_, 0, SEEK_END);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  }
  /// What it holds, at most `bound` bytes.
  [[nodiscard]] std::string text(std::size_t bound) const {
    std::string out(std::min(size(), bound), '\0');
    std::size_t have = 0;
    while (have < out.size()) {
      const ssize_t got = pread(descriptor_, out.data() + have, out.size() - have, static_cast<off_t>(have));
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    out.resize(have);
    return out;
  }

 private:
  int descriptor_;
};

/// What is done to a child before it is another program.
class SpawnSettings {
 public:
  SpawnSettings(int output, int errors) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO);
    posix_spawnattr_init(&attributes_);
    // A group of its own, to be killed as one; and signals as they are by default, whatever this process blocks.
    sigset_t none;
    sigemptyset(&none);
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &pipe);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  /// 0, or an error number.
  int start(const std::vector<std::string>& words, pid_t& pid) const {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    return posix_spawn(&pid, arguments[0], &actions_, &attributes_, arguments.data(), environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// Whether the process ended within the limit.
bool wait_for(pid_t pid, std::chrono::milliseconds limit) {
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) {  // an old kernel: wait as long as it takes
    siginfo_t ended_at_last{};
    while (waitid(P_PID, static_cast<id_t>(pid), &ended_at_last, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
    return true;
  }
  pollfd ended{descriptor, POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  int ready = -1;
  do {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    ready = poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  } while (ready < 0 && errno == EINTR);
  close(descriptor);
  return ready != 0;
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& words, std::chrono::milliseconds limit) {
  ChildResult result;
  const MemoryFile output;
  const MemoryFile errors;
  pid_t pid = -1;
  const int failed = output.descriptor() < 0 || errors.descriptor() < 0
                         ? errno
                         : SpawnSettings(output.descriptor(), errors.descriptor()).start(words, pid);
  if (failed != 0) {
    result.error = std::string("cannot be run: ") + std::strerror(failed);
    return result;
  }
  // Of each file that it writes; whoever writes more gets SIGXFSZ. It has hardly begun, and so has no children yet.
  const rlimit bound{output_bound, output_bound};
  prlimit(pid, RLIMIT_FSIZE, &bound, nullptr);
  if (!wait_for(pid, limit)) result.error = "took longer than " + std::to_string(limit.count() / 1000) + " s";
  // What it left in the background goes, too. Nobody else can have its number before waitpid.
  kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (result.error.empty() && std::max(output.size(), errors.size()) >= output_bound)
    result.error = "printed more than " + std::to_string(output_bound >> 20U) + " MiB";
  result.output = output.text(output_bound);
  result.errors = errors.text(output_bound);
  return result;
}

std::uint64_t child_token() {
  static std::atomic<std::uint64_t> next{0};
  return static_cast<std::uint64_t>(getpid()) << 32U | ++next;
}

}  // namespace kvmtest::suite::libreswan
