#pragma once
// A logged-in shell on a domain's console: type a command, get its output and exit status.
//
// Needs of the guest: a getty, and a POSIX shell that expands "$?" in PS1 (busybox ash, dash, bash, ksh, FreeBSD's sh).

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "console/capture.h"
#include "console/live_text.h"
#include "console/prompt.h"
#include "console/stream.h"

namespace kvmtest::console {

struct Login {
  std::string user;
  std::string password;
};

/// The guest did not come up, or would not let us in. what() is one line with the last words of the console.
class LoginFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct CommandResult {
  std::string output;         ///< bytes as printed, within the capture bound
  std::optional<int> status;  ///< none: the time limit passed first
  bool truncated = false;
  bool closed = false;             ///< the console closed under it; there is no status
  bool left = false;               ///< its shell has ended: another one answers at the console, or a getty; no status
  std::uint64_t output_bytes = 0;  ///< printed, kept or not
  std::chrono::microseconds took{};
};

/// As one word of a POSIX shell.
std::string shell_quoted(std::string_view text);

/// One thread at a time; interrupt() from any thread.
class Session {
 public:
  /// `capture_bound`: bytes kept of one command's output, and of the raw console between two take_raw().
  Session(std::unique_ptr<Stream> stream, std::size_t capture_bound);

  /// Waits for the login prompt of a booting guest. Throws LoginFailed at the deadline, Closed, Interrupted.
  void await_login_prompt(Deadline deadline);
  /// Logs in and prepares the shell: no echo, no line editing, the prompt; checks that an exit status comes back.
  /// Throws LoginFailed, Closed, Interrupted.
  void log_in(const Login& login, Deadline deadline);

  using OnOutput = std::function<void(std::string_view)>;
  /// Types `command` (several lines are fine, any length) and waits for its end or `limit`. `on_output` gets the output
  /// as it comes. What was printed before the console closed, or its shell ended, is kept. Throws Interrupted.
  CommandResult run(std::string_view command, std::chrono::microseconds limit, const OnOutput& on_output = {});
  /// Types nothing and waits until the console closes, somebody else than this session's shell answers, or `limit`.
  CommandResult await_end(std::chrono::microseconds limit);
  /// The guest was started again, with this console: await_login_prompt() and log_in() are next.
  void reconnect(std::unique_ptr<Stream> stream);

  /// Starts a command that will wait for a line, and waits until it has printed `ready`. Throws Closed, Interrupted.
  /// False: it did not by the deadline.
  bool begin_waiting(std::string_view command, std::string_view ready, Deadline deadline);
  /// The other half, in this session or in one whose guest went back to where the first half ended: types the line, and
  /// waits for the command's end. Its output counts from `mark` on: whatever the console printed before, prompts and
  /// all, may be of another time. `prompt`: prompt_nonce() of the first half's session. Throws Closed, Interrupted.
  CommandResult end_waiting(const std::string& prompt, std::string_view line, std::string_view mark, Deadline deadline);
  [[nodiscard]] const std::string& prompt_nonce() const { return nonce_; }
  /// Whether the shell waits for a command, and all that was ever typed has been read by it.
  [[nodiscard]] bool at_prompt() const { return at_prompt_ && !interrupted_; }

  /// A person has the console from now on, until recover(): see Interactive.
  void hand_over() { at_prompt_ = false; }
  /// Takes it back from a person, or from a command that did not end: presses control-C and prepares the shell anew.
  /// False: the shell does not answer, the domain must be reset before it is used again.
  bool recover(std::chrono::milliseconds patience);
  /// For passing bytes through, see Interactive.
  std::shared_ptr<Stream> stream() {
    const std::lock_guard lock(stream_mutex_);
    return stream_;
  }

  /// Everything the console printed since the last call, prompts and all.
  std::string take_raw();

  /// From now on run() tells there what it types and what comes of it; null: nowhere.
  void show_to(std::shared_ptr<LiveText> live) { live_ = std::move(live); }

  /// Any thread.
  void interrupt() {
    interrupted_ = true;
    stream()->interrupt();
  }

 private:
  std::string read(Deadline deadline);
  std::optional<int> await_prompt(Deadline deadline, const OnOutput& on_output, std::string* echoed = nullptr);
  CommandResult carry_out(std::chrono::microseconds limit, const OnOutput& on_output,
                          const std::function<bool(Deadline)>& start_it);
  void set_up_shell(Deadline deadline);
  void type(std::string_view line, Deadline deadline);
  std::string type_long(std::string_view command, Deadline deadline);

  std::shared_ptr<Stream> stream_;  ///< set under stream_mutex_, by the session's thread
  std::mutex stream_mutex_;
  std::size_t capture_bound_;
  std::string nonce_;
  PromptScanner scanner_;
  Capture raw_;
  std::shared_ptr<LiveText> live_;
  bool at_prompt_ = false;
  std::atomic<bool> interrupted_{false};
};

}  // namespace kvmtest::console
