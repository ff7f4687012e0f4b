#pragma once
// Notices that somebody else than the shell that was set up answers at a console: a getty behind a shell that ended or
// a machine that restarted, or another shell. Pure; one thread.
//
// What looks like a prompt may be a command's output. The sure sign is the terminal: the shell that was set up left it
// without echo (Session::log_in), and a getty, or a shell that has it, echoes. So when all is quiet behind such a
// prompt, some letters are typed, without a line's end, and rubbed out again: a command that reads lines never sees
// them.

#include <chrono>
#include <string>
#include <string_view>

#include "console/guest_time.h"

namespace kvmtest::console {

class ShellWatch {
 public:
  using Time = GuestTime::time_point;

  /// `letters`: to be typed; nobody else prints them.
  ShellWatch(std::string letters, Time now) : letters_(std::move(letters)), heard_(now) {}

  /// What the console printed.
  void heard(std::string_view bytes, Time now);
  /// Another one answers.
  [[nodiscard]] bool other_answers() const { return other_; }
  /// When it wants to be asked for what to type; Time::max(): not before more is heard.
  [[nodiscard]] Time next() const;
  /// What is to be typed now; may be empty. Typed letters have been rubbed out when finish() has been typed.
  std::string type(Time now);
  /// What is to be typed before anything else is; may be empty.
  std::string finish();

 private:
  [[nodiscard]] bool looks_like_a_prompt() const;

  std::string letters_;
  std::string end_;     ///< of what was printed
  std::string answer_;  ///< printed since the letters were typed
  Time heard_;
  Time typed_{};
  std::chrono::milliseconds quiet_{500};
  bool asked_ = false;   ///< the letters were typed since something was heard
  bool typing_ = false;  ///< and are not rubbed out yet
  bool ever_ = false;    ///< they were typed at all
  bool unsure_ = false;  ///< something was heard while they were typed
  bool other_ = false;
};

}  // namespace kvmtest::console
