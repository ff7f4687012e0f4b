#include "engine/program_runner.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "console/capture.h"
#include "console/stream.h"
#include "engine/hypervisor.h"

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

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

/// posix_spawn's two lists of wishes.
class Wishes {
 public:
  Wishes(const std::filesystem::path& directory, const Output& output, const Output& errors) {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output.to.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors.to.get(), STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  }
  Wishes(const Wishes&) = delete;
  Wishes& operator=(const Wishes&) = delete;
  ~Wishes() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }

  posix_spawnattr_t attributes{};
  posix_spawn_file_actions_t actions{};
};

/// A program under way.
class Running {
 public:
  Running(const ProgramOrder& order, const StopSignal& stop)
      : order_(order), stop_(stop), output_(order.capture_bound), errors_(order.capture_bound) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { end_group(); }

  /// Nothing, or why it cannot be started.
  std::optional<std::string> start() {
    const Wishes wishes(order_.program.directory, output_, errors_);
    std::vector<std::string> arguments = order_.program.command;
    std::vector<std::string> environment = order_.environment;
    const int error = posix_spawn(&pid_, arguments.front().c_str(), &wishes.actions, &wishes.attributes,
                                  pointers(arguments).data(), pointers(environment).data());
    output_.to.close();
    errors_.to.close();
    if (error == 0) {
      process_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
      if (process_.get() < 0) fault("pidfd_open");
      return std::nullopt;
    }
    pid_ = 0;
    errno = error;
    if (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE) fault("a program's start");
    return fmt::format("{}: {}", arguments.front(), std::strerror(error));
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
      kill(-pid_, std::exchange(told_, true) ? SIGKILL : SIGTERM);
      next = steady_clock::now() + order_.grace;
    }
    const auto last = steady_clock::now() + order_.linger;
    while ((output_.open() || errors_.open()) && steady_clock::now() < last) poll_until(last, false);
  }

  /// Ends what is left of the group; how the program itself ended.
  int end_group() {
    if (pid_ == 0) return status_;
    // The program is not reaped yet: its number is still the group's.
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    if (output_.open()) output_.read();
    if (errors_.open()) errors_.read();
    return status_;
  }

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
                                {ended_ ? -1 : process_.get(), POLLIN, 0},
                                {may_be_stopped ? stop_.descriptor() : -1, POLLIN, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    const auto patience = std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 3'600'000);
    if (poll(wait.data(), wait.size(), static_cast<int>(patience)) <= 0) return false;
    if (wait[0].revents != 0) output_.read();
    if (wait[1].revents != 0) errors_.read();
    ended_ = ended_ || wait[2].revents != 0;
    return wait[3].revents != 0;
  }

  const ProgramOrder& order_;
  const StopSignal& stop_;
  Output output_;
  Output errors_;
  pid_t pid_ = 0;
  Descriptor process_;
  int status_ = 0;
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
  const int status = running.end_group();
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
