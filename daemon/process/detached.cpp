#include "process/detached.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <sys/wait.h>

#include "process/after_fork.h"

namespace kvmtest::process {
namespace {

constexpr int told_as = 3;

[[noreturn]] void fail(int failure) {
  const int error = errno;
  _exit(write(failure, &error, sizeof error) < 0 ? 126 : 127);
}

/// In the first child, which leaves a second one behind.
[[noreturn]] void leave_behind(char* const* arguments, int told, int failure) {
  setsid();
  const pid_t pid = fork();
  if (pid < 0) fail(failure);
  if (pid > 0) _exit(0);
  failure = out_of_the_way(failure);
  told = out_of_the_way(told);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) open_null(O_RDWR, standard);
  dup2(told, told_as);
  failure = dup3(failure, told_as + 1, O_CLOEXEC);
  close_from(told_as + 2);
  unblock_signals();
  execv(arguments[0], arguments);
  fail(failure);
}

}  // namespace

void start_detached(const std::vector<std::string>& command, int told) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::array<int, 2> failure{};
  if (pipe2(failure.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  const pid_t child = fork();
  int error = child < 0 ? errno : 0;
  if (child == 0) leave_behind(arguments.data(), told, failure[1]);
  close(failure[1]);
  if (child > 0) {
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    // Nothing comes when the program runs: it has not got the other end.
    while (read(failure[0], &error, sizeof error) < 0 && errno == EINTR) {
    }
  }
  close(failure[0]);
  if (error != 0) throw std::system_error(error, std::generic_category());
}

}  // namespace kvmtest::process
