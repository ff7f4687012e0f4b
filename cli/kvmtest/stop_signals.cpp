#include "kvmtest/stop_signals.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/threads.h"

namespace kvmtest::command {

namespace {

/// After the first one, milliseconds. A daemon that has much to load answers a request within seconds.
constexpr int patience = 10'000;

}  // namespace

sigset_t StopSignals::all() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

StopSignals::StopSignals() : wake_(eventfd(0, EFD_CLOEXEC)) {
  const sigset_t signals = all();
  pthread_sigmask(SIG_BLOCK, &signals, &before_);
  signals_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  give_back();
}

StopSignals::~StopSignals() {
  hand_over();
  close(signals_);
  close(wake_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void StopSignals::give_back() {
  done_ = false;
  try {
    thread_ = base::start_thread("control-C", [this] { watch(); });
  } catch (const base::NoThread&) {
    // Then control-C ends this command at once, as it ends others.
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
}

void StopSignals::hand_over() {
  if (!thread_.joinable()) return;
  done_ = true;
  eventfd_write(wake_, 1);
  thread_.join();
}

void StopSignals::watch() {
  std::optional<int> kept;
  while (!done_) {
    std::array<pollfd, 2> sources{pollfd{signals_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
    const int ready = poll(sources.data(), sources.size(), kept ? patience : -1);
    std::uint64_t ignored = 0;
    if (ready > 0 && (sources[1].revents & POLLIN) != 0) eventfd_read(wake_, &ignored);
    signalfd_siginfo signal{};
    const bool came = read(signals_, &signal, sizeof signal) == sizeof signal;
    if (done_ && came) kept = static_cast<int>(signal.ssi_signo);
    if (done_) break;
    if ((came && kept) || ready == 0) {
      std::cerr << "kvmtest: leaving; the daemon does not answer, and may do yet what it was asked\n";
      std::_Exit(130);
    }
    if (came) kept = static_cast<int>(signal.ssi_signo);
  }
  // Blocked as it is, it waits for whoever takes it next.
  if (kept) kill(getpid(), *kept);
}

}  // namespace kvmtest::command
