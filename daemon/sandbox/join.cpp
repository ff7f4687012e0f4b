#include "sandbox/join.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/network_namespaces.h"
#include "sandbox/system_calls.h"

namespace kvmtest::sandbox {
namespace {

bool same(const base::Descriptor& file, const char* path) {
  struct stat one {};
  struct stat other {};
  return fstat(file.number(), &one) == 0 && stat(path, &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

void join(pid_t inside) {
  const std::string process = "/proc/" + std::to_string(inside);
  std::string directory(4096, '\0');
  directory = getcwd(directory.data(), directory.size()) != nullptr ? directory.c_str() : "/";
  // In the order in which they are entered: rights first, and what shows the rest last.
  std::vector<std::pair<base::Descriptor, std::string>> strange;
  for (const char* name : {"user", "ipc", "net", "pid", "mnt"}) {
    base::Descriptor file = opened(process + "/ns/" + name, O_RDONLY);
    if (!same(file, (std::string("/proc/self/ns/") + name).c_str())) strange.emplace_back(std::move(file), name);
  }
  const base::Descriptor root = opened(process + "/root", O_PATH | O_DIRECTORY);
  for (const auto& [file, name] : strange) {
    if (setns(file.number(), 0) != 0) fail(errno, "the daemon's namespace " + name);
    if (name == "user" && (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)) fail(errno, "root of the namespace");
  }
  // The namespace's root is not the process' where that was in a chroot.
  const bool elsewhere = !strange.empty() && strange.back().second == "mnt";
  if (elsewhere &&
      (fchdir(root.number()) != 0 || chroot(".") != 0 || (chdir(directory.c_str()) != 0 && chdir("/") != 0)))
    fail(errno, process + "/root");
}

/// There /sys shows its network cards, and names are those of its hosts.
void join_network(const std::string& prefix) {
  if (access(network_of(prefix).c_str(), F_OK) != 0) return;  // all are where the daemon is
  if (setns(opened(network_of(prefix), O_RDONLY).number(), CLONE_NEWNET) != 0) fail(errno, network_of(prefix));
  if (unshare(CLONE_NEWNS) != 0) fail(errno, "no mount namespace");
  if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) fail(errno, "/sys");
  const std::string names = names_of(prefix);
  if (access(names.c_str(), R_OK) == 0 && mount(names.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) != 0)
    fail(errno, "/etc/hosts");
}

}  // namespace

int run_inside(pid_t inside, const std::optional<std::string>& prefix, const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  join(inside);
  if (prefix) join_network(*prefix);
  int failure[2];
  if (pipe2(failure, O_CLOEXEC) != 0) fail(errno, "pipe");
  const pid_t child = fork();
  if (child < 0) fail(errno, "fork");
  if (child == 0) {
    for (const int signal : {SIGINT, SIGQUIT, SIGPIPE}) std::signal(signal, SIG_DFL);
    execvp(words.front(), words.data());
    const int error = errno;
    _exit(write(failure[1], &error, sizeof error) > 0 ? 127 : 126);
  }
  close(failure[1]);
  // As a shell does: a key is the command's business.
  for (const int signal : {SIGINT, SIGQUIT}) std::signal(signal, SIG_IGN);
  int error = 0;
  if (read(failure[0], &error, sizeof error) != sizeof error) error = 0;
  close(failure[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (error != 0) fail(error, command.front());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace kvmtest::sandbox
