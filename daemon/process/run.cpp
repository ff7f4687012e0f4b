#include "process/run.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/child.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): not declared by every unistd.h

namespace kvmtest::process {

using std::chrono::steady_clock;

namespace {

/// A pipe to somebody who takes what comes.
class Output {
 public:
  explicit Output(const TakeBytes& take) : take_(take) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    from_ = ends[0];
    to_ = ends[1];
    fcntl(from_, F_SETFL, O_NONBLOCK);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    close_end(from_);
    close_end(to_);
  }

  /// The end that the program is given.
  [[nodiscard]] int to() const { return to_; }
  /// It has it; who holds this one as well would never see the end.
  void given() { close_end(to_); }
  /// To be polled; negative: nobody prints any more.
  [[nodiscard]] int from() const { return from_; }
  [[nodiscard]] bool open() const { return from_ >= 0; }
  [[nodiscard]] bool refused() const { return refused_; }

  /// Takes what is there, at most as much as a pipe holds: somebody may print for ever. False: there was nothing.
  bool read() {
    std::array<char, 65536> bytes;
    const ssize_t got = ::read(from_, bytes.data(), bytes.size());
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) close_end(from_);
    if (got <= 0) return false;
    if (!refused_ && take_) refused_ = !take_({bytes.data(), static_cast<std::size_t>(got)});
    return true;
  }
  /// All that is left, when nobody prints any more.
  void drain() {
    while (open() && read()) {
    }
  }

 private:
  static void close_end(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }

  const TakeBytes& take_;
  int from_ = -1;
  int to_ = -1;
  bool refused_ = false;
};

/// A program under way.
class Running {
 public:
  explicit Running(const Order& order)
      : order_(order),
        output_(order.take_output),
        errors_(order.take_errors),
        child_({order.command, order.environment, order.directory, output_.to(), errors_.to(), order.confinement}) {
    output_.given();
    errors_.given();
  }

  [[nodiscard]] int start_error() const { return child_.start_error(); }

  /// Waits for its end, which may have to be brought about.
  void wait() {
    auto next = steady_clock::now() + order_.limit;
    bool told = false;
    while (!ended_) {
      const bool stop = poll_until(next, !ended_by_us_.stopped);
      const bool refused = !told && (output_.refused() || errors_.refused());
      const bool due = steady_clock::now() >= next;
      if (ended_ || (!stop && !due && !refused)) continue;
      if (due && !stop && !refused && !told && order_.more) {
        if (const auto more = order_.more(); more.count() > 0) {
          next = steady_clock::now() + more;
          continue;
        }
      }
      ended_by_us_.stopped = ended_by_us_.stopped || stop;
      if (stop && told) continue;
      ended_by_us_.timed_out = ended_by_us_.timed_out || (!stop && !refused && !told);
      child_.signal(std::exchange(told, true) ? SIGKILL : SIGTERM);
      next = steady_clock::now() + order_.grace;
    }
    const auto last = steady_clock::now() + order_.linger;
    while ((output_.open() || errors_.open()) && steady_clock::now() < last) poll_until(last, false);
  }

  /// Ends what it left running.
  Ended end() {
    Ended ended = ended_by_us_;
    ended.left = child_.end();
    output_.drain();
    errors_.drain();
    ended.status = child_.status();
    return ended;
  }

 private:
  /// Takes in what comes, until something did or the deadline. True: it is to be stopped.
  bool poll_until(steady_clock::time_point deadline, bool may_be_stopped) {
    // poll() passes over negative descriptors.
    std::array<pollfd, 4> wait{{{output_.from(), POLLIN, 0},
                                {errors_.from(), POLLIN, 0},
                                {ended_ ? -1 : child_.descriptor(), POLLIN, 0},
                                {may_be_stopped ? order_.stop : -1, POLLIN, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    const auto patience = std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 3'600'000);
    if (poll(wait.data(), wait.size(), static_cast<int>(patience)) <= 0) return false;
    if (wait[0].revents != 0) output_.read();
    if (wait[1].revents != 0) errors_.read();
    ended_ = ended_ || (wait[2].revents != 0 && child_.ended());
    return wait[3].revents != 0;
  }

  const Order& order_;
  Output output_;
  Output errors_;
  Child child_;
  Ended ended_by_us_;  ///< as far as it is known
  bool ended_ = false;
};

}  // namespace

Ended run(const Order& order) {
  Running running(order);
  if (const int error = running.start_error(); error != 0) return {error};
  running.wait();
  return running.end();
}

int exit_status(const Ended& ended) {
  return WIFEXITED(ended.status) ? WEXITSTATUS(ended.status) : 128 + WTERMSIG(ended.status);
}

std::vector<std::string> own_environment() {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) out.emplace_back(*entry);
  return out;
}

std::filesystem::path find_program(const std::string& name) {
  const char* value = std::getenv("PATH");
  const std::string path = value == nullptr ? "/bin:/usr/bin" : value;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t end = std::min(path.find(':', from), path.size());
    const std::filesystem::path file = std::filesystem::path(path.substr(from, end - from)) / name;
    std::error_code ignored;
    if (access(file.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(file, ignored)) return file;
    from = end + 1;
  }
  return {};
}

}  // namespace kvmtest::process
