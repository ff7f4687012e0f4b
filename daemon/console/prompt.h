#pragma once
// Finds the end of a command in what a console prints. The prompt is a nonce, the exit status, and "# ". The nonce has
// a mark, made for the session, and a key, made for the command: what a command knows of its own prompt, or leaves
// behind, ends no later one. The shell is told the mark with a literal "$?", so even printing the variable is no
// prompt.

#include <optional>
#include <string>
#include <string_view>

namespace kvmtest::console {

/// A fresh nonce, mark and key: 80 random bits, letters and digits.
std::string make_nonce();
/// A fresh key: half of them.
std::string make_key();

/// The part of a nonce that stays.
std::string_view mark_of(std::string_view nonce);
/// The other one.
std::string_view key_of(std::string_view nonce);
/// The shell's variable that holds the key.
inline constexpr std::string_view key_variable = "__kt";

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
    bool stale = false;         ///< the prompt that has come is none of this key: it ends nothing
  };
  /// Takes in what was read. After any prompt, bytes behind it wait for the next call. Takes time in proportion to the
  /// bytes.
  Result feed(std::string_view bytes);

  [[nodiscard]] const std::string& nonce() const { return nonce_; }
  /// From now on only prompts with that key count.
  void renew(std::string_view key);
  /// Gives out what was held back, when no more will come.
  std::string take_rest();
  /// Bytes that are held back.
  [[nodiscard]] std::size_t held() const { return pending_.size() - given_; }

 private:
  std::string nonce_;
  std::string pending_;
  std::size_t given_ = 0;  ///< bytes of it
};

/// Without the control sequences (ECMA-48 CSI, and two-byte escapes) that shells and editors write around a prompt.
std::string without_escapes(std::string_view text);

/// What the console printed last, for an error message: "last line on the console: '...'", printable and short.
std::string last_words(std::string_view text);

}  // namespace kvmtest::console
