#pragma once
// A shell for a person at a domain's console. It is a child of the session's own shell, which stays as it is: `exit`
// leaves it, with its status, and what was changed in it is gone.
//
// A serial line has no window size, so the shell is told by a command, stty, typed at its prompt while nobody else has
// typed anything: never into a program that runs in the foreground, nor into a half-typed line. Marks that the terminal
// never sees tell where the prompt is and when the shell has ended.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "console/session.h"

namespace kvmtest::console {

struct TerminalSize {
  unsigned rows = 24;
  unsigned columns = 80;
  bool operator==(const TerminalSize&) const = default;
};

/// Finds the marks in what the console prints. One thread at a time.
class MarkScanner {
 public:
  explicit MarkScanner(std::string nonce) : start_("\x1e" + nonce) {}

  struct Piece {
    std::string text;  ///< for the terminal
    enum class Mark { none, prompt, end } mark = Mark::none;
    int status = 0;  ///< behind Mark::end
  };
  /// Takes in what was read; gives what stands before the first mark. After a mark, bytes behind it wait for the next
  /// call. What may be the beginning of a mark is held back.
  Piece feed(std::string_view bytes);
  /// Gives out what was held back, when no more has come for a while.
  std::string take_rest();

 private:
  std::string start_;
  std::string pending_;
};

/// One thread reads, another types and resizes.
class Interactive {
 public:
  struct Wish {
    std::string host;                ///< for the prompt
    TerminalSize size;               ///<
    std::string terminal = "vt100";  ///< TERM, where the guest knows it: letters, digits, "+-._"
  };
  /// Starts the shell on a session that is at its prompt. Throws Closed, Interrupted.
  Interactive(Session& session, const Wish& wish);
  Interactive(const Interactive&) = delete;
  Interactive& operator=(const Interactive&) = delete;

  /// What the console printed, for the terminal; empty when there was nothing for a while. Also carries out what
  /// resize() has asked for. Throws Closed, Interrupted.
  std::string read();
  /// Passes on what the person typed. Throws Closed, Interrupted.
  void type(std::string_view bytes);
  /// The terminal has another size now; the guest is told as soon as its shell is at the prompt.
  void resize(TerminalSize size);
  /// The shell's exit status, once it has ended.
  [[nodiscard]] std::optional<int> status() const;

  /// Ends the shell and what it runs in the foreground, for a person who has left; nobody reads or types any more.
  /// False: it does not end. Throws Closed, Interrupted.
  bool end();

 private:
  enum class Show { from_prompt, all, nothing };
  /// How far the shell is with what was typed.
  struct Typing {
    bool at_prompt = false;    ///< a prompt was the last thing printed, and nothing was typed since
    unsigned lines_ahead = 0;  ///< that the shell may not have read yet
    bool settled = false;      ///< at the prompt, and nothing typed ahead waits behind it
    bool line_ended = true;    ///< what was typed last ended a line: nothing half-typed waits for the shell
  };

  std::string take(std::string_view bytes) REQUIRES(mutex_);
  void settle() REQUIRES(mutex_);
  void put(std::string_view bytes);
  bool await_prompt_or_end(std::chrono::milliseconds patience);

  Session& session_;
  const std::string nonce_;
  mutable base::Mutex mutex_;
  base::Condition shown_again_;
  MarkScanner scanner_ GUARDED_BY(mutex_);
  /// What of the output is for the terminal, up to the next prompt.
  Show show_ GUARDED_BY(mutex_) = Show::from_prompt;
  std::string hidden_ GUARDED_BY(mutex_);
  Typing typing_ GUARDED_BY(mutex_);
  TerminalSize told_ GUARDED_BY(mutex_);
  TerminalSize wanted_ GUARDED_BY(mutex_);
  std::optional<int> status_ GUARDED_BY(mutex_);
};

}  // namespace kvmtest::console
