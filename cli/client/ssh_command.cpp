#include "client/ssh_command.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "client/domains.h"
#include "wire/bytes.h"
#include "wire/console_frame.h"

namespace kvmtest::client {

using nlohmann::json;
using wire::ConsoleFrame;

namespace {

/// One command, from its first byte to its last.
class Running {
 public:
  Running(const RawConnection& connection, const SshStreams& streams)
      : connection_(connection.descriptor()), streams_(streams), input_(streams.input) {
    fcntl(connection_, F_SETFL, fcntl(connection_, F_GETFL) | O_NONBLOCK);
    received_.feed(connection.first());
    if (input_ < 0) to_send_ = wire::to_bytes(ConsoleFrame::Kind::input_end, "");
  }

  /// The daemon's last word on it.
  json run() {
    while (true) {
      while (const auto frame = received_.next())
        if (frame->kind == ConsoleFrame::Kind::end)
          return json::parse(frame->payload, nullptr, false);
        else
          take(*frame);
      step();
    }
  }

 private:
  void take(const ConsoleFrame& frame) const {
    const bool error = frame.kind == ConsoleFrame::Kind::errors;
    if (error || frame.kind == ConsoleFrame::Kind::data) (error ? streams_.errors : streams_.output)(frame.payload);
  }

  void step() {
    const short events = static_cast<short>(POLLIN | (to_send_.empty() ? 0 : POLLOUT));
    std::array<pollfd, 2> wait{{{connection_, events, 0}, {to_send_.empty() ? input_ : -1, POLLIN, 0}}};
    if (poll(wait.data(), wait.size(), -1) < 0) return;
    if (wait[1].revents != 0) read_input();
    if (!to_send_.empty() && (wait[0].revents & POLLOUT) != 0) send_some();
    if ((wait[0].revents & ~POLLOUT) != 0) receive();
  }

  void read_input() {
    std::array<char, 32768> bytes;
    const ssize_t got = read(input_, bytes.data(), bytes.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got > 0) {
      to_send_ = wire::to_bytes(ConsoleFrame::Kind::data, {bytes.data(), static_cast<std::size_t>(got)});
    } else {
      input_ = -1;
      to_send_ = wire::to_bytes(ConsoleFrame::Kind::input_end, "");
    }
  }

  void send_some() {
    const ssize_t sent = send(connection_, to_send_.data(), to_send_.size(), MSG_NOSIGNAL);
    if (sent > 0) to_send_.erase(0, static_cast<std::size_t>(sent));
    // Whoever does not take it any more says why.
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      to_send_.clear();
      input_ = -1;
    }
  }

  void receive() {
    std::array<char, 65536> bytes;
    const ssize_t got = recv(connection_, bytes.data(), bytes.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) throw Gone("the daemon went away");
    received_.feed({bytes.data(), static_cast<std::size_t>(got)});
  }

  const int connection_;
  const SshStreams& streams_;
  int input_;
  wire::FrameReader received_;
  std::string to_send_;  ///< then the next input is read
};

}  // namespace

int run_by_ssh(Client& client, const std::string& domain, const SshCommand& command, const SshStreams& streams) {
  json body{{"command", wire::text_from_bytes(command.text)}, {"token", command.token}};
  if (command.limit) body["timeout"] = *command.limit;
  const auto connection = client.upgrade(domain_path(domain, "ssh"), body);
  const json end = Running(*connection, streams).run();
  if (end.is_object() && end.contains("status")) return end.at("status").get<int>();
  throw Refused(end.is_object() ? end.value("error", domain + " went away") : domain + " went away", 3);
}

}  // namespace kvmtest::client
