#pragma once
// Finds the end of a command in what a console prints. The prompt is a nonce made for the session, the exit status, and
// "# "; the shell is told it with a literal "$?", so even printing the variable does not look like a prompt.

#include <optional>
#include <string>
#include <string_view>

namespace kvmtest::console {

/// A fresh nonce: 80 random bits, letters and digits.
std::string make_nonce();

/// The value to give PS1 in a POSIX shell, without quotes.
std::string prompt_variable(std::string_view nonce);

/// The value to give PS2: with it the shell tells that a line that was typed is not a whole command.
std::string continuation_variable(std::string_view nonce);

/// Separates a command's output from the prompt that ends it. One thread at a time.
class PromptScanner {
 public:
  explicit PromptScanner(std::string nonce) : nonce_(std::move(nonce)) {}

  struct Result {
    std::string output;         ///< certain to be output; bytes that may yet turn out a prompt are held back
    std::optional<int> status;  ///< the prompt has come: the command's exit status
    bool incomplete = false;    ///< the prompt that has come asks for the rest of the command; no status
  };
  /// Takes in what was read. After a status, bytes behind the prompt wait for the next call.
  Result feed(std::string_view bytes);

  [[nodiscard]] const std::string& nonce() const { return nonce_; }
  /// Gives out what was held back, when no more will come.
  std::string take_rest();
  /// Bytes that are held back.
  [[nodiscard]] std::size_t held() const { return pending_.size(); }

 private:
  std::string nonce_;
  std::string pending_;
};

/// Without the control sequences (ECMA-48 CSI, and two-byte escapes) that shells and editors write around a prompt.
std::string without_escapes(std::string_view text);

/// What the console printed last, for an error message: "last line on the console: '...'", printable and short.
std::string last_words(std::string_view text);

}  // namespace kvmtest::console
