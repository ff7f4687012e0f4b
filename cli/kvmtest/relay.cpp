#include "kvmtest/relay.h"

#include <array>
#include <cerrno>
#include <cstddef>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kvmtest::command {
namespace {

/// One direction.
class Flow {
 public:
  Flow(int from, int to) : from_(from), to_(to) {}

  [[nodiscard]] bool wants_to_read() const { return open_ && begin_ == end_; }
  [[nodiscard]] bool wants_to_write() const { return begin_ != end_; }
  /// There will be nothing more, and all is written.
  [[nodiscard]] bool over() const { return !open_ && begin_ == end_; }

  void take() {
    const ssize_t got = ::read(from_, bytes_.data(), bytes_.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      open_ = false;
    } else {
      begin_ = 0;
      end_ = static_cast<std::size_t>(got);
    }
  }
  /// False: nobody reads it.
  bool give() {
    const ssize_t put = ::write(to_, bytes_.data() + begin_, end_ - begin_);
    if (put < 0) return errno == EAGAIN || errno == EINTR;
    begin_ += static_cast<std::size_t>(put);
    return true;
  }

 private:
  const int from_;
  const int to_;
  std::array<char, 65536> bytes_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool open_ = true;
};

}  // namespace

bool relay(int connection, int end) {
  Flow out(STDIN_FILENO, connection);
  Flow in(connection, STDOUT_FILENO);
  bool told = false;
  while (!in.over()) {
    if (out.over() && !told) {
      shutdown(connection, SHUT_WR);
      told = true;
    }
    const short connection_events =
        static_cast<short>((in.wants_to_read() ? POLLIN : 0) | (out.wants_to_write() ? POLLOUT : 0));
    std::array<pollfd, 4> wait{{{end, POLLIN, 0},
                                {out.wants_to_read() ? STDIN_FILENO : -1, POLLIN, 0},
                                {connection_events != 0 ? connection : -1, connection_events, 0},
                                {in.wants_to_write() ? STDOUT_FILENO : -1, POLLOUT, 0}}};
    if (poll(wait.data(), wait.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return true;
    }
    constexpr int gone = POLLHUP | POLLERR;
    if (wait[0].revents != 0) return false;
    if (wait[1].revents != 0) out.take();
    if (out.wants_to_write() && (wait[2].revents & (POLLOUT | gone)) != 0 && !out.give()) return true;
    if (in.wants_to_read() && (wait[2].revents & (POLLIN | gone)) != 0) in.take();
    if (wait[3].revents != 0 && !in.give()) return true;
  }
  return true;
}

}  // namespace kvmtest::command
