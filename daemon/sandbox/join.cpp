#include "sandbox/join.h"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kvmtest::sandbox {
namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

int opened(const std::string& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) fail(errno, path);
  return file;
}

bool same(int file, const char* path) {
  struct stat one {};
  struct stat other {};
  return fstat(file, &one) == 0 && stat(path, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

void join(pid_t inside) {
  const std::string process = "/proc/" + std::to_string(inside);
  std::string directory(4096, '\0');
  directory = getcwd(directory.data(), directory.size()) != nullptr ? directory.c_str() : "/";
  // In the order in which they are entered: rights first, and what shows the rest last.
  std::vector<std::pair<int, std::string>> strange;
  for (const char* name : {"user", "ipc", "net", "pid", "mnt"}) {
    const int file = opened(process + "/ns/" + name, O_RDONLY);
    if (same(file, (std::string("/proc/self/ns/") + name).c_str()))
      close(file);
    else
      strange.emplace_back(file, name);
  }
  const int root = opened(process + "/root", O_PATH | O_DIRECTORY);
  for (const auto& [file, name] : strange) {
    if (setns(file, 0) != 0) fail(errno, "the daemon's namespace " + name);
    close(file);
    if (name == "user" && (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)) fail(errno, "root of the namespace");
  }
  // The namespace's root is not the process' where that was in a chroot.
  const bool elsewhere = !strange.empty() && strange.back().second == "mnt";
  if (elsewhere && (fchdir(root) != 0 || chroot(".") != 0 || (chdir(directory.c_str()) != 0 && chdir("/") != 0)))
    fail(errno, process + "/root");
  close(root);
}

}  // namespace

int run_inside(pid_t inside, const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  join(inside);
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
