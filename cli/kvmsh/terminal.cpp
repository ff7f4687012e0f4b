#include "kvmsh/terminal.h"

#include <array>
#include <csignal>
#include <cstdlib>

#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace kvmtest::kvmsh {
namespace {

// For the handler of a crash, which can be given nothing.
termios before;                         // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
volatile std::sig_atomic_t is_raw = 0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

constexpr std::array crashes{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

extern "C" void restore_and_crash(int signal) {
  if (is_raw != 0) tcsetattr(STDIN_FILENO, TCSANOW, &before);
  std::signal(signal, SIG_DFL);
  raise(signal);
}

}  // namespace

RawTerminal::RawTerminal(Mode mode) {
  if (tcgetattr(STDIN_FILENO, &before) != 0) return;
  for (const int crash : crashes) std::signal(crash, restore_and_crash);
  raw_ = before;
  if (mode == Mode::raw) {
    cfmakeraw(&raw_);
  } else {
    raw_.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
    raw_.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
  }
  changed_ = true;
  set();
}

RawTerminal::~RawTerminal() {
  restore();
  for (const int crash : crashes) std::signal(crash, SIG_DFL);
}

// What was typed meanwhile is not thrown away: neither for the guest nor for the shell that follows.
void RawTerminal::set() {
  if (!changed_) return;
  is_raw = 1;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &raw_);
}

void RawTerminal::restore() {
  if (!changed_ || is_raw == 0) return;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
  is_raw = 0;
}

Signals::Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  descriptor_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

Signals::~Signals() { close(descriptor_); }

std::optional<int> Signals::next() {
  signalfd_siginfo info{};
  if (read(descriptor_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

void Signals::die(int signal) {
  std::signal(signal, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  raise(signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  std::_Exit(128 + signal);
}

}  // namespace kvmtest::kvmsh
