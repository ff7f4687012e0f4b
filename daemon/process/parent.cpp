#include "process/parent.h"

#include <cerrno>
#include <csignal>

#include <sys/wait.h>

#include "process/descendants.h"

namespace kvmtest::process {
namespace {

int exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

/// Whom signals go on to.
pid_t next_process = 0;

}  // namespace

int status_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return 3;
  return exit_status(status);
}

int reap_until(pid_t child) {
  while (true) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, 0);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return 3;
    if (pid != child) continue;
    // The QEMUs of a daemon that was killed, its tests' programs, and whatever these left somewhere.
    end_descendants(0, nullptr, nullptr);
    return exit_status(status);
  }
}

void pass_signals_on(pid_t to) {
  next_process = to;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, [](int s) { kill(next_process, s); });
}

}  // namespace kvmtest::process
