#pragma once
// Tells what a guest's kernel writes to its console from what the guest's programs write there. Both use one UART, so
// a message of the kernel may stand anywhere: within a line, within a prompt.
//
// The serial driver writes a message under the port's lock, whole (Linux, serial8250_console_write), and ends it with
// CR LF. Programs get at most a FIFO of 16 bytes on the line between two messages. Since the shell's terminal is set to
// -onlcr, the lines of programs end with LF alone. So a kernel's message is a time stamp, a text without LF, CR LF; and
// what `dmesg` prints is output.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace kvmtest::console {

/// A line that a kernel wrote.
struct KernelLine {
  std::int64_t stamp = 0;  ///< microseconds on the kernel's own clock, which begins with its boot
  int level = -1;          ///< 0 (emergency) to 7 (debug); -1: the console does not tell
  std::string text;        ///< without its time stamp and without its end
};

/// How a guest is asked for its kernel's log.
struct KernelLog {
  std::string program;     ///< guest/renew.c in the guest; empty: its dmesg
  std::int64_t since = 0;  ///< lines up to this time, microseconds of the kernel's clock, are of no interest
};

/// Time stamp as the kernel writes it, "[   12.345678]", at the beginning of a text.
struct KernelStamp {
  enum class Match { no, more, yes } match = Match::no;  ///< more: it may be one when more of the text has come
  std::int64_t stamp = 0;                                ///< microseconds
  std::size_t length = 0;                                ///< of the stamp, of who wrote it ("[    T12]"), and a blank
};
KernelStamp read_kernel_stamp(std::string_view text);

/// One thread at a time.
class KernelScanner {
 public:
  /// `prompt`: a word that no message of the kernel holds.
  explicit KernelScanner(std::string prompt) : prompt_(std::move(prompt)) {}

  struct Message {
    std::string bytes;  ///< as printed, CR LF included
    KernelLine line;
  };
  struct Piece {
    std::string text;                ///< what programs wrote
    std::optional<Message> message;  ///< and the message behind it
  };
  /// Takes in what was read; gives what stands before the first message, and that. After a message, bytes behind it
  /// wait for the next call. What may be the beginning of a message is held back.
  Piece feed(std::string_view bytes);
  /// Gives out what was held back, when no more will come.
  std::string take_rest();

  void set_prompt(std::string prompt) { prompt_ = std::move(prompt); }
  /// The kernel's clock shows so much now, in microseconds: what is older is quoted from now on, by dmesg for example.
  /// Told from outside, for a program may print any stamp.
  void set_clock(std::int64_t stamp) { oldest_ = newest_ = stamp; }
  /// The newest time stamp since then.
  [[nodiscard]] std::int64_t newest() const { return newest_; }

 private:
  [[nodiscard]] bool plausible(std::int64_t stamp) const;
  [[nodiscard]] std::optional<std::size_t> find_message(std::size_t from, std::size_t end) const;
  [[nodiscard]] std::size_t find_beginning(std::size_t from) const;
  Message take_message(std::size_t at, std::size_t end);

  std::string prompt_;
  std::string pending_;
  std::int64_t oldest_ = 0;
  std::int64_t newest_ = 0;
  std::deque<std::string> recent_;  ///< a kernel writes each message once
};

}  // namespace kvmtest::console
