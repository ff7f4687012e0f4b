#include "kvmtest/pager.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvmtest/display.h"

namespace kvmtest::command {
namespace {

bool is_there(const std::string& program) {
  const char* value = std::getenv("PATH");
  const std::string path = value == nullptr ? "" : value;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t end = std::min(path.find(':', from), path.size());
    if (access((path.substr(from, end - from) + '/' + program).c_str(), X_OK) == 0) return true;
    from = end + 1;
  }
  return false;
}

/// Empty: none is wanted, or there is none.
std::string pager_command() {
  if (!can_draw()) return {};
  const char* wanted = std::getenv("PAGER");
  const std::string command = wanted != nullptr ? wanted : is_there("less") ? "less" : "";
  return command == "cat" ? "" : command;
}

[[noreturn]] void become(const std::string& command, int input) {
  dup2(input, STDIN_FILENO);
  // Colors pass, lines that fit on a screen stay there. Who has set LESS knows better.
  setenv("LESS", "FRX", 0);
  std::signal(SIGPIPE, SIG_DFL);
  execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  _exit(127);
}

}  // namespace

Pager::Pager() {
  const std::string command = pager_command();
  std::array<int, 2> pipe{};
  if (command.empty() || pipe2(pipe.data(), O_CLOEXEC) != 0) return;
  std::cout.flush();
  child_ = fork();
  if (child_ == 0) become(command, pipe[0]);
  if (child_ > 0) {
    // Control-C is for the pager, which stays: so do we.
    std::signal(SIGINT, SIG_IGN);
    dup2(pipe[1], STDOUT_FILENO);
  }
  close(pipe[0]);
  close(pipe[1]);
}

Pager::~Pager() {
  if (child_ <= 0) return;
  std::cout.flush();
  close(STDOUT_FILENO);
  while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace kvmtest::command
