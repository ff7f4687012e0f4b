#pragma once
// The terminal kvmsh runs in: raw while a shell has it, and given back as it was, however kvmsh ends.

#include <optional>

#include <termios.h>

namespace kvmtest::kvmsh {

/// Every key goes to the guest, Ctrl-C included. One at a time. main thread.
class RawTerminal {
 public:
  enum class Mode {
    raw,   ///< bytes as they are, both ways
    keys,  ///< single keys, unechoed; lines are written as ever
  };
  explicit RawTerminal(Mode mode);
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal();

  /// As it was, and raw again: around a stop of kvmsh itself.
  void restore();
  void set();

 private:
  termios raw_{};
  bool changed_ = false;
};

/// Signals as something to poll for, blocked otherwise: a new window size, and what asks kvmsh to end or to stop.
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// The next one that came; nothing: none.
  std::optional<int> next();
  /// Dies of the signal, as if it had never been blocked.
  [[noreturn]] static void die(int signal);

 private:
  int descriptor_;
};

}  // namespace kvmtest::kvmsh
