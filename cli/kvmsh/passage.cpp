#include "kvmsh/passage.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "client/screen.h"
#include "core/input_error.h"
#include "wire/console_frame.h"
#include "wire/record_json.h"

namespace kvmtest::kvmsh {

using nlohmann::json;
using wire::ConsoleFrame;

namespace {

// Held at most for a guest, or a terminal, that does not take what it is sent; then its source waits.
constexpr std::size_t high_water = 65536;
// After the escape key, for the domain's console to be free again.
constexpr int leaving_limit_ms = 15'000;

/// One passage, from its first byte to its last.
class Passing {
 public:
  Passing(client::RawConnection& connection, const Passage& how)
      : connection_(connection.descriptor()), how_(how), terminal_(how.read_only ? keys : raw) {
    fcntl(connection_, F_SETFL, fcntl(connection_, F_GETFL) | O_NONBLOCK);
    received_.feed(connection.first());
  }

  int run() {
    send_size();  // another one, perhaps, than when the connection was asked for
    take_frames();
    while (!end_) step();
    flush_output();
    terminal_.restore();
    if (end_->signal) Signals::die(*end_->signal);
    if (!end_->error.empty()) std::cerr << "kvmsh: " << end_->error << '\n';
    return end_->status;
  }

 private:
  /// How it ended.
  struct End {
    int status = 0;
    std::string error{};          ///< one line; empty: all went well
    std::optional<int> signal{};  ///< that ended it
  };

  static constexpr auto keys = RawTerminal::Mode::keys;
  static constexpr auto raw = RawTerminal::Mode::raw;

  void step() {
    // Left: nobody types or reads any more; only the end is waited for, not for ever.
    const bool take_keys = !left_ && !input_ended_ && to_guest_.size() < high_water;
    const bool take_output = to_terminal_.size() < high_water;
    std::array<pollfd, 4> wait{
        {{signals_.descriptor(), POLLIN, 0},
         {take_keys ? STDIN_FILENO : -1, POLLIN, 0},
         {connection_, static_cast<short>((take_output ? POLLIN : 0) | (to_guest_.empty() ? 0 : POLLOUT)), 0},
         {to_terminal_.empty() ? -1 : STDOUT_FILENO, POLLOUT, 0}}};
    const int ready = poll(wait.data(), wait.size(), left_ ? leaving_limit_ms : -1);
    if (ready == 0) end_ = End{};
    if (ready <= 0) return;
    if (wait[0].revents != 0) take_signals();
    if (wait[1].revents != 0) read_keys();
    if ((wait[2].revents & POLLOUT) != 0) write_connection();
    if ((wait[2].revents & ~POLLOUT) != 0) read_connection();
    if (wait[3].revents != 0) write_terminal();
  }

  void take_signals() {
    while (const auto signal = signals_.next()) {
      if (*signal == SIGWINCH) {
        send_size();
      } else if (*signal == SIGTSTP) {  // from outside: the key goes to the guest
        terminal_.restore();
        raise(SIGSTOP);
        terminal_.set();
        send_size();
      } else {
        end_ = End{.signal = signal};
      }
    }
  }

  void send_size() {
    const auto size = client::window_size(STDIN_FILENO).value_or(client::WindowSize{});
    to_guest_ += wire::to_bytes(ConsoleFrame::Kind::size, json{{"rows", size.rows}, {"columns", size.columns}}.dump());
  }

  void read_keys() {
    std::array<char, 16384> buffer;
    const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) {
      leave();  // the terminal is gone
      return;
    }
    std::string_view typed(buffer.data(), static_cast<std::size_t>(got));
    const auto escape = how_.escape ? typed.find(*how_.escape) : std::string_view::npos;
    typed = typed.substr(0, escape);
    if (!how_.read_only && !typed.empty()) to_guest_ += wire::to_bytes(ConsoleFrame::Kind::data, typed);
    if (how_.read_only && !typed.empty()) refuse_typing(typed);
    if (escape != std::string_view::npos) leave();
  }

  void refuse_typing(std::string_view typed) {
    if (typed.find('\x03') != std::string_view::npos) {
      leave();
    } else if (!std::exchange(refused_, true)) {
      to_terminal_ += "\n[read-only: a test is running here; --force types into it, ^C leaves]\n";
    }
  }

  void leave() {
    left_ = true;
    write_connection();
    if (to_guest_.empty()) shutdown(connection_, SHUT_WR);
  }

  void write_connection() {
    while (!to_guest_.empty()) {
      const ssize_t sent = send(connection_, to_guest_.data(), to_guest_.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) break;
      to_guest_.erase(0, static_cast<std::size_t>(sent));
    }
    if (left_ && to_guest_.empty()) shutdown(connection_, SHUT_WR);
  }

  void read_connection() {
    std::array<char, 65536> buffer;
    const ssize_t got = read(connection_, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) {
      end_ = left_ ? End{} : End{3, "the daemon went away"};
      return;
    }
    received_.feed({buffer.data(), static_cast<std::size_t>(got)});
    take_frames();
  }

  void take_frames() {
    while (const auto frame = received_.next()) {
      if (frame->kind == ConsoleFrame::Kind::data) to_terminal_ += frame->payload;
      if (frame->kind == ConsoleFrame::Kind::note) to_terminal_ += "kvmsh: " + frame->payload + "\r\n";
      if (frame->kind == ConsoleFrame::Kind::end) take_end(frame->payload);
    }
    write_terminal();
  }

  void take_end(const std::string& payload) {
    end_ = End{};
    const json end = json::parse(payload, nullptr, false);
    if (!end.is_object() || left_) return;
    if (const std::string note = end.value("note", ""); !note.empty()) to_terminal_ += "\r\nkvmsh: " + note + "\r\n";
    end_->error = end.value("error", "");
    end_->status = end_->error.empty() ? end.value("status", 0) : 3;
  }

  void write_terminal() {
    if (left_) to_terminal_.clear();
    // A terminal that takes only some of it would block a larger write.
    pollfd entry{STDOUT_FILENO, POLLOUT, 0};
    while (!to_terminal_.empty() && poll(&entry, 1, 0) > 0) {
      const ssize_t written =
          write(STDOUT_FILENO, to_terminal_.data(), std::min<std::size_t>(to_terminal_.size(), 512));
      if (written < 0 && (errno == EINTR || errno == EAGAIN)) return;
      if (written <= 0) {
        leave();
        return;
      }
      to_terminal_.erase(0, static_cast<std::size_t>(written));
    }
  }

  /// The last words, to a terminal that may be slow but is there.
  void flush_output() {
    while (!to_terminal_.empty() && !end_->signal) {
      const ssize_t written = write(STDOUT_FILENO, to_terminal_.data(), to_terminal_.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      to_terminal_.erase(0, static_cast<std::size_t>(written));
    }
  }

  int connection_;
  Passage how_;
  Signals signals_;
  RawTerminal terminal_;
  wire::FrameReader received_;
  std::string to_guest_;
  std::string to_terminal_;
  const bool input_ended_ = isatty(STDIN_FILENO) == 0;  ///< nobody is there to press a key
  bool left_ = false;
  bool refused_ = false;
  std::optional<End> end_;
};

}  // namespace

std::optional<char> parse_escape(const std::string& text) {
  if (text == "none") return std::nullopt;
  if (text.size() == 1) return text[0];
  // As terminals count control characters: ^A is 1, ^] is 29.
  if (text.size() == 2 && text[0] == '^' && text[1] >= '?' && text[1] <= 'z')
    return text[1] == '?' ? '\x7f' : static_cast<char>(text[1] & 0x1f);
  throw core::InputError("--escape " + text + ": write one character, ^ and a letter for a control key, or none");
}

std::string escape_name(char escape) {
  const auto code = static_cast<unsigned char>(escape);
  if (code < 0x20) return fmt::format("^{}", static_cast<char>(code + 0x40));
  return code == 0x7f ? "^?" : std::string(1, escape);
}

int pass_through(client::RawConnection& connection, const Passage& how) { return Passing(connection, how).run(); }

}  // namespace kvmtest::kvmsh
