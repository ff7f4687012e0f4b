#include "terminal.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

namespace kvmtest::testing {

using std::chrono::steady_clock;

Terminal::Terminal(const std::vector<std::string>& words, const std::string& directory, unsigned rows,
                   unsigned columns) {
  winsize size{};
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  if (openpty(&master_, &slave_, nullptr, nullptr, &size) != 0) throw std::runtime_error("openpty");
  fcntl(master_, F_SETFD, FD_CLOEXEC);
  fcntl(master_, F_SETFL, O_NONBLOCK);
  std::vector<std::string> copy = words;
  std::vector<char*> arguments;
  for (std::string& word : copy) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    login_tty(slave_);
    setenv("TERM", "xterm", 1);
    if (chdir(directory.c_str()) != 0) _exit(127);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  fcntl(slave_, F_SETFD, FD_CLOEXEC);
}

Terminal::~Terminal() {
  if (!reaped_) {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(slave_);
  close(master_);
}

void Terminal::resize(unsigned rows, unsigned columns) const {
  winsize size{};
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  ioctl(master_, TIOCSWINSZ, &size);
}

termios Terminal::settings() const {
  termios now{};
  tcgetattr(slave_, &now);
  return now;
}

void Terminal::type(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd entry{master_, POLLIN | POLLOUT, 0};
    if (poll(&entry, 1, 120'000) <= 0) throw std::runtime_error("the terminal takes no keys");
    if ((entry.revents & POLLIN) != 0) read_some(steady_clock::now() + std::chrono::seconds(1));
    if ((entry.revents & POLLOUT) == 0) continue;
    const ssize_t written = write(master_, bytes.data(), std::min<std::size_t>(bytes.size(), 1024));
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

bool Terminal::read_some(steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
  pollfd entry{master_, POLLIN, 0};
  if (left <= 0 || poll(&entry, 1, static_cast<int>(left)) <= 0) return false;
  std::array<char, 65536> buffer;
  const ssize_t got = read(master_, buffer.data(), buffer.size());
  if (got <= 0) return false;
  shown_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

bool Terminal::wait_for(std::string_view text, std::chrono::seconds patience) {
  const auto deadline = steady_clock::now() + patience;
  while (true) {
    const auto at = shown_.find(text, searched_);
    if (at != std::string::npos) {
      searched_ = at + text.size();
      return true;
    }
    // Our own hold on the terminal keeps it from ending with the program.
    if (!reaped_ && steady_clock::now() < deadline) {
      siginfo_t ended{};
      waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT);
      const bool over = ended.si_pid == pid_;
      if (read_some(over ? steady_clock::now() + std::chrono::milliseconds(1)
                         : std::min(deadline, steady_clock::now() + std::chrono::milliseconds(50))) ||
          !over)
        continue;
    }
    return false;
  }
}

void Terminal::look() {
  while (read_some(steady_clock::now() + std::chrono::milliseconds(300))) {
  }
}

int Terminal::finish(std::chrono::seconds patience) {
  const auto deadline = steady_clock::now() + patience;
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (steady_clock::now() >= deadline) return -1;
    read_some(steady_clock::now() + std::chrono::milliseconds(20));
  }
  reaped_ = true;
  while (read_some(steady_clock::now() + std::chrono::milliseconds(1))) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace kvmtest::testing
