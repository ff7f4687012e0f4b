#pragma once
// A logged-in shell on a domain's console: type a command, get its output and exit status.
//
// Needs of the guest: a getty, or a shell that is there after the boot; and a POSIX shell that expands "$?" in PS1
// (busybox ash, dash, bash, ksh, zsh, FreeBSD's sh). What the kernel says meanwhile is kept apart: see kernel.h.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "console/guest_time.h"
#include "console/heard.h"
#include "console/kernel.h"
#include "console/link.h"
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
  std::vector<KernelMessage> kernel{};  ///< what the kernel said meanwhile, within a bound of its own
};

/// How long a session waits before it looks again what is on the console.
struct Patience {
  std::chrono::milliseconds quiet{1000};     ///< nothing was printed for so long: whoever is to say something has
  std::chrono::milliseconds answer{10'000};  ///< no answer for so long: the question or the answer was lost
};

/// One thread at a time; interrupt() from any thread.
class Session {
 public:
  /// `capture_bound`: bytes kept of one command's output, and of the raw console between two take_raw().
  Session(std::unique_ptr<Stream> stream, std::size_t capture_bound, Patience patience = {});

  /// Waits for the login prompt of a booting guest, or for the prompt of a shell that nobody had to log in to. Throws
  /// LoginFailed at the deadline, Closed, Interrupted.
  void await_login_prompt(GuestDeadline deadline);
  /// Logs in, where there is no shell yet, and prepares the shell: see shell_setup.h; checks that an exit status comes
  /// back. Throws LoginFailed, Closed, Interrupted.
  void log_in(const Login& login, GuestDeadline deadline);

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
  bool begin_waiting(std::string_view command, std::string_view ready, GuestDeadline deadline);
  /// The other half, in this session or in one whose guest went back to where the first half ended: types the line, and
  /// waits for the command's end. Its output counts from `mark` on: whatever the console printed before, prompts and
  /// all, may be of another time. `prompt`: prompt_nonce() of the first half's session. Throws Closed, Interrupted.
  CommandResult end_waiting(const std::string& prompt, std::string_view line, std::string_view mark,
                            GuestDeadline deadline);
  [[nodiscard]] const std::string& prompt_nonce() const { return scanner_.nonce(); }
  /// From now on the kernel's messages are newer than that, and so are the lines of its log that are of interest. After
  /// a login: all since the boot, by dmesg.
  void set_kernel_log(KernelLog log) {
    kernel_.set_clock(log.since);
    kernel_log_ = std::move(log);
  }
  [[nodiscard]] const KernelLog& kernel_log() const { return kernel_log_; }
  /// Whether the shell waits for a command, and all that was ever typed has been read by it.
  [[nodiscard]] bool at_prompt() const { return at_prompt_ && !link_.interrupted(); }

  /// A person has the console from now on, until recover(): see Interactive.
  void hand_over() { at_prompt_ = false; }
  /// Takes it back from a person, or from a command that did not end: presses control-C and prepares the shell anew.
  /// False: the shell does not answer, the domain must be reset before it is used again.
  bool recover(std::chrono::milliseconds patience);
  /// For passing bytes through, see Interactive.
  std::shared_ptr<Stream> stream() { return link_.stream(); }

  /// Everything the console printed since the last call, prompts and all.
  std::string take_raw() { return link_.take_raw(); }
  /// All that the kernel said there since the last call, within a bound.
  std::vector<KernelMessage> take_kernel() { return heard_.take(); }

  /// From now on run() tells there what it types and what comes of it; null: nowhere.
  void show_to(std::shared_ptr<LiveText> live) { live_ = std::move(live); }

  /// From now on limits and deadlines are of that clock; at first of the one on the wall.
  void set_clock(std::shared_ptr<GuestClock> clock) { link_.set_clock(std::move(clock)); }
  /// By that clock; see GuestClock.
  [[nodiscard]] GuestTime::time_point now() { return link_.now(); }
  [[nodiscard]] bool passed(GuestDeadline deadline) { return link_.passed(deadline); }

  /// Any thread.
  void interrupt() { link_.interrupt(); }

 private:
  struct Answer {
    std::optional<int> status;  ///< none: no prompt has come
    bool incomplete = false;    ///< the shell waits for the rest of the command
    std::string letters{};      ///< that somebody else has echoed; they come last in the output
  };
  std::string read_text(GuestDeadline deadline);
  void give(PromptScanner::Result& result, const OnOutput& on_output);
  Answer renew_prompt(std::optional<std::string_view> line, GuestDeadline deadline, const OnOutput& on_output);
  Answer await_answer(GuestDeadline deadline, const OnOutput& on_output, bool watched = false,
                      const std::function<void()>& on_stale = {});
  std::optional<int> await_prompt(GuestDeadline deadline) { return await_answer(deadline, {}).status; }
  CommandResult carry_out(std::chrono::microseconds limit, const OnOutput& on_output,
                          const std::function<Answer(GuestDeadline, const OnOutput&)>& start_it);
  void note(KernelScanner::Message message);
  void set_nonce(std::string nonce);
  void type(std::string_view line, GuestDeadline deadline);
  std::string type_long(std::string_view command, GuestDeadline deadline);
  Answer execute(std::string_view command, GuestDeadline deadline, const OnOutput& on_output);
  bool give_up_line(GuestDeadline deadline);

  // The way to the shell, in session_login.cpp.
  void knock(GuestDeadline deadline);
  void enter_shell(const Login& login, GuestDeadline deadline);
  void enter_plain_shell(GuestDeadline deadline);
  bool await_mark(const std::string& mark, GuestDeadline deadline);
  void set_up_shell(GuestDeadline deadline, bool whole);

  Link link_;
  std::size_t capture_bound_;
  Patience patience_;
  PromptScanner scanner_;
  KernelScanner kernel_;
  KernelLog kernel_log_;
  Heard heard_;
  std::shared_ptr<LiveText> live_;
  std::uint64_t given_ = 0;  ///< bytes of the command's output so far
  bool at_shell_ = false;    ///< after the boot, without a login
  bool at_prompt_ = false;
};

}  // namespace kvmtest::console
