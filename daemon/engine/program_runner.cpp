#include "engine/program_runner.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "console/capture.h"
#include "console/stream.h"
#include "engine/hypervisor.h"
#include "process/child.h"

namespace kvmtest::engine {

using std::chrono::steady_clock;

namespace {

[[noreturn]] void fault(const char* what) { throw HostFault(fmt::format("{}: {}", what, std::strerror(errno))); }

/// One file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_ = -1;
};

/// What one end of a pipe gives, as far as it is kept.
struct Output {
  explicit Output(std::size_t bound) : capture(bound) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fault("pipe");
    from = Descriptor(ends[0]);
    to = Descriptor(ends[1]);
    fcntl(from.get(), F_SETFL, O_NONBLOCK);
  }
  /// Takes what is there, at most as much as a pipe holds: somebody may print for ever.
  void read() {
    std::array<char, 65536> bytes;
    const ssize_t got = ::read(from.get(), bytes.data(), bytes.size());
    if (got > 0)
      capture.append({bytes.data(), static_cast<std::size_t>(got)});
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
      from.close();
  }
  [[nodiscard]] bool open() const { return from.get() >= 0; }

  Descriptor from;
  Descriptor to;
  console::Capture capture;
};

/// A program under way.
class Running {
 public:
  Running(const ProgramOrder& order, const StopSignal& stop)
      : order_(order), stop_(stop), output_(order.capture_bound), errors_(order.capture_bound) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  /// Nothing, or why it cannot be started.
  std::optional<std::string> start() {
    try {
      child_.emplace(process::Launch{order_.program.command, order_.environment, order_.program.directory,
                                     output_.to.get(), errors_.to.get()});
    } catch (const std::system_error& error) {
      throw HostFault(error.what());
    }
    output_.to.close();
    errors_.to.close();
    errno = child_->start_error();
    if (errno == 0) return std::nullopt;
    if (errno == EAGAIN || errno == ENOMEM || errno == EMFILE || errno == ENFILE) fault("a program's start");
    return fmt::format("{}: {}", order_.program.command.front(), std::strerror(errno));
  }

  /// Waits for its end, which may have to be brought about.
  void wait() {
    auto next = steady_clock::now() + order_.limit;
    while (!ended_) {
      const bool stop = poll_until(next, !stopped_);
      const bool due = steady_clock::now() >= next;
      if (ended_ || (!stop && !due)) continue;
      stopped_ = stopped_ || stop;
      if (stop && told_) continue;
      timed_out_ = timed_out_ || !stop;
      child_->signal(std::exchange(told_, true) ? SIGKILL : SIGTERM);
      next = steady_clock::now() + order_.grace;
    }
    const auto last = steady_clock::now() + order_.linger;
    while ((output_.open() || errors_.open()) && steady_clock::now() < last) poll_until(last, false);
  }

  /// Ends what it left running, and returns that.
  std::vector<std::string> end() {
    auto left = child_->end();
    if (output_.open()) output_.read();
    if (errors_.open()) errors_.read();
    return left;
  }

  [[nodiscard]] int status() const { return child_->status(); }
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] bool timed_out() const { return timed_out_; }
  [[nodiscard]] const console::Capture& output() const { return output_.capture; }
  [[nodiscard]] const console::Capture& errors() const { return errors_.capture; }

 private:
  /// Takes in what comes, until something did or the deadline. True: it is to be stopped.
  bool poll_until(steady_clock::time_point deadline, bool may_be_stopped) {
    // poll() passes over negative descriptors.
    std::array<pollfd, 4> wait{{{output_.from.get(), POLLIN, 0},
                                {errors_.from.get(), POLLIN, 0},
                                {ended_ ? -1 : child_->descriptor(), POLLIN, 0},
                                {may_be_stopped ? stop_.descriptor() : -1, POLLIN, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    const auto patience = std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 3'600'000);
    if (poll(wait.data(), wait.size(), static_cast<int>(patience)) <= 0) return false;
    if (wait[0].revents != 0) output_.read();
    if (wait[1].revents != 0) errors_.read();
    ended_ = ended_ || (wait[2].revents != 0 && child_->ended());
    return wait[3].revents != 0;
  }

  const ProgramOrder& order_;
  const StopSignal& stop_;
  Output output_;
  Output errors_;
  std::optional<process::Child> child_;
  bool told_ = false;
  bool ended_ = false;
  bool stopped_ = false;
  bool timed_out_ = false;
};

}  // namespace

StopSignal::StopSignal() : descriptor_(eventfd(0, EFD_CLOEXEC)) {
  if (descriptor_ < 0) fault("eventfd");
}

StopSignal::~StopSignal() { close(descriptor_); }

void StopSignal::raise() const { eventfd_write(descriptor_, 1); }

suite::Execution run_program(const ProgramOrder& order, const StopSignal& stop) {
  suite::Execution execution;
  suite::ProgramResult& result = execution.program.emplace();
  Running running(order, stop);
  if (auto error = running.start()) {
    execution.ending.detail = std::move(*error);
    return execution;
  }
  running.wait();
  result.left = running.end();
  const int status = running.status();
  if (running.stopped()) throw console::Interrupted();
  if (WIFEXITED(status))
    result.status = WEXITSTATUS(status);
  else
    result.signal = WTERMSIG(status);
  result.output = running.output().text();
  result.errors = running.errors().text();
  result.truncated = running.output().truncated();
  if (running.timed_out())
    execution.ending = {
        suite::Ending::Why::timeout, {}, fmt::format("the test's limit of {} s passed", order.limit.count() / 1000.0)};
  return execution;
}

}  // namespace kvmtest::engine
