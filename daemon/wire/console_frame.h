#pragma once
// What a terminal and a domain's console tell each other over an upgraded connection: frames of a kind, a length and a
// payload (docs/api.md). Pure; one thread at a time.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kvmtest::wire {

struct ConsoleFrame {
  enum class Kind : char {
    data = 'd',       ///< bytes of the terminal or of the console
    errors = 'r',     ///< bytes of standard error, where it is apart
    input_end = 'i',  ///< the client has no more input
    size = 's',       ///< of the terminal: {"rows":24,"columns":80}
    note = 'n',       ///< a line for the person at the terminal
    end = 'e'         ///< nothing follows: {"status":0}, the shell's exit status, or {"error":"one line"}, or {}
  };
  Kind kind = Kind::data;
  std::string payload;
  bool operator==(const ConsoleFrame&) const = default;
};

/// Bytes of one frame's payload at most; longer data is several frames.
inline constexpr std::size_t longest_frame = 65536;

/// The frame as bytes. Throws std::length_error for a payload that is too long.
std::string to_bytes(ConsoleFrame::Kind kind, std::string_view payload);

/// Puts frames together from whatever pieces a connection gives.
class FrameReader {
 public:
  void feed(std::string_view bytes) { pending_.append(bytes); }
  /// The next whole frame, if there is one. Throws std::runtime_error for what is no frame.
  std::optional<ConsoleFrame> next();

 private:
  std::string pending_;
};

}  // namespace kvmtest::wire
