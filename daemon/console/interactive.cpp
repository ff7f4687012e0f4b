#include "console/interactive.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

namespace kvmtest::console {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Without output for so long, a shell that shows its prompt waits for input.
constexpr auto quiet = 100ms;
constexpr auto typing_limit = 10s;
// For the guest to answer the stty that tells it its size; what the person types waits so long at most.
constexpr auto size_limit = 2s;
// For the foreground program to give way to one key.
constexpr auto key_limit = 1s;

constexpr std::string_view mark_end = "\x1e";

/// As a word of the shell; others than a terminal's name may have are left out.
std::string terminal_name(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("+-._").find(c) != std::string_view::npos)
      out.push_back(c);
  return out.empty() ? "vt100" : out;
}

/// Ends a line for a terminal in whatever mode: return, newline, and the keys that interrupt, suspend, quit, end.
bool ends_a_line(char c) { return std::string_view("\r\n\x03\x04\x1a\x1c").find(c) != std::string_view::npos; }

}  // namespace

MarkScanner::Piece MarkScanner::feed(std::string_view bytes) {
  pending_.append(bytes);
  Piece piece;
  for (std::size_t from = 0;;) {
    const std::size_t at = pending_.find(start_[0], from);
    const std::string_view rest = at == std::string::npos ? "" : std::string_view(pending_).substr(at);
    const bool begins = rest.starts_with(start_) || std::string_view(start_).starts_with(rest);
    if (at != std::string::npos && !begins) {
      from = at + 1;
      continue;
    }
    const std::size_t end = rest.size() > start_.size() ? rest.find(mark_end, start_.size()) : std::string_view::npos;
    // The longest mark ends with a status of three digits.
    if (end == std::string_view::npos && rest.size() > start_.size() + 5) {
      from = at + 1;
      continue;
    }
    piece.text = pending_.substr(0, at);
    if (end != std::string_view::npos) {
      const std::string_view body = rest.substr(start_.size(), end - start_.size());
      piece.mark = body.starts_with('e') ? Piece::Mark::end : Piece::Mark::prompt;
      for (const char c : body.substr(std::min<std::size_t>(1, body.size())))
        if (c >= '0' && c <= '9') piece.status = piece.status * 10 + (c - '0');
    }
    pending_.erase(0, end == std::string_view::npos ? piece.text.size() : piece.text.size() + end + 1);
    return piece;
  }
}

std::string MarkScanner::take_rest() { return std::exchange(pending_, {}); }

Interactive::Interactive(Session& session, const Wish& wish)
    : session_(session), nonce_(make_nonce()), scanner_(nonce_), told_(wish.size), wanted_(wish.size) {
  session.hand_over();
  const std::string terminal = terminal_name(wish.terminal);
  // The terminal by its full name, without what follows a dash (xterm-256color), or the least of all.
  const std::string find_terminal = fmt::format(
      "for TERM in {} {} vt100; do for d in /etc /lib /usr/lib /usr/share; do [ -e "
      "\"$d/terminfo/${{TERM%\"${{TERM#?}}\"}}"
      "/$TERM\" ] && break 2; done; done",
      terminal, terminal.substr(0, terminal.find('-')));
  // The session's shell has no echo, and the new one is silent until its first mark.
  put(
      fmt::format("({}; export TERM; unset NO_COLOR PAGER GIT_PAGER; stty sane rows {} cols {}; HISTCONTROL=ignoreboth "
                  "KVMTEST_SHELL={} exec "
                  "\"${{BASH:-${{SHELL:-/bin/sh}}}}\" -i); printf '\\036{}e%d\\036' $?\n",
                  find_terminal, wish.size.rows, wish.size.columns, nonce_, nonce_));
  put(
      fmt::format(" PS2='> ' PS1=\"$(printf '\\036{}p\\036')\"; if [ -n \"$BASH_VERSION\" ]; then "
                  "unset PROMPT_COMMAND PS0; PS1=\"[\\u@{} \\w]\\\\\\$ \\[$PS1\\]\"; else PS1=\"[$(id -un)@{} \\$PWD]# "
                  "$PS1\"; fi\n",
                  nonce_, wish.host, wish.host));
}

void Interactive::put(std::string_view bytes) { session_.stream()->write(bytes, steady_clock::now() + typing_limit); }

std::string Interactive::read() {
  const std::string bytes = session_.stream()->read(steady_clock::now() + quiet);
  base::Lock lock(mutex_);
  if (!bytes.empty()) return take(bytes);
  const std::string rest = scanner_.take_rest();
  // What was typed ahead would have made the shell print something by now.
  if (typing_.at_prompt && rest.empty()) typing_.lines_ahead = 0;
  settle();
  return show_ == Show::all ? rest : "";
}

/// What of the bytes is for the terminal.
std::string Interactive::take(std::string_view bytes) {
  std::string out;
  for (auto piece = scanner_.feed(bytes);; piece = scanner_.feed({})) {
    if (status_) return out;  // what the session's own shell prints then is for nobody
    if (show_ == Show::all)
      out += piece.text;
    else
      hidden_ += piece.text;
    // Line editors clear the rest of the line behind a prompt, and give an old terminal time by NULs (terminfo's $<3>).
    if (without_escapes(piece.text).find_first_not_of('\0') != std::string::npos) typing_.at_prompt = false;
    if (piece.mark == MarkScanner::Piece::Mark::none) break;
    if (piece.mark == MarkScanner::Piece::Mark::end) {
      status_ = piece.status;
    } else {
      if (show_ == Show::from_prompt) out += hidden_.substr(hidden_.rfind('\n') + 1);
      typing_.at_prompt = true;
      if (typing_.lines_ahead > 0) --typing_.lines_ahead;  // the shell has read one; a program may have read others
    }
    hidden_.clear();
    show_ = Show::all;
    shown_again_.notify_all();
  }
  settle();
  return out;
}

/// Tells the guest the terminal's size where nobody else's typing is in the way: at the prompt, behind nothing that
/// the shell may not have read. Neither the command nor its new prompt is shown, for there is a prompt already.
void Interactive::settle() {
  typing_.settled = typing_.at_prompt && typing_.line_ended && typing_.lines_ahead == 0;
  if (!typing_.settled || wanted_ == told_ || status_) return;
  told_ = wanted_;
  show_ = Show::nothing;
  typing_.at_prompt = typing_.settled = false;
  typing_.lines_ahead = 1;
  put(fmt::format(" stty rows {} cols {}\n", told_.rows, told_.columns));
}

void Interactive::type(std::string_view bytes) {
  if (bytes.empty()) return;
  {
    base::Lock lock(mutex_);
    // What is typed now is not to stand behind the stty.
    if (!shown_again_.wait_for(lock, size_limit, [&]() REQUIRES(mutex_) { return show_ != Show::nothing; }))
      show_ = Show::all;
    typing_.at_prompt = typing_.settled = false;
    typing_.lines_ahead += static_cast<unsigned>(std::count_if(bytes.begin(), bytes.end(), ends_a_line));
    typing_.line_ended = ends_a_line(bytes.back());
  }
  put(bytes);
}

void Interactive::resize(TerminalSize size) {
  const base::Lock lock(mutex_);
  wanted_ = size;
  if (typing_.settled) settle();
}

std::optional<int> Interactive::status() const {
  const base::Lock lock(mutex_);
  return status_;
}

bool Interactive::await_prompt_or_end(std::chrono::milliseconds patience) {
  const auto deadline = steady_clock::now() + patience;
  while (steady_clock::now() < deadline) {
    {
      const base::Lock lock(mutex_);
      if (status_ || typing_.at_prompt) return true;
    }
    read();
  }
  return false;
}

bool Interactive::end() {
  {
    const base::Lock lock(mutex_);
    wanted_ = told_;
  }
  // What ^C does not end, most programs with a screen of their own for example, is suspended by ^Z. A shell in the
  // shell ends by its own `exit`.
  for (const std::string_view keys : {"", "\x03", "\x1a", "\x1c", "\x15\nexit\n", "\x15\nexit\n"}) {
    if (!keys.empty()) put(keys);
    if (await_prompt_or_end(keys.empty() ? quiet : key_limit)) break;
  }
  if (!status()) {
    {
      const base::Lock lock(mutex_);
      typing_.at_prompt = false;
    }
    // Jobs that are suspended keep a shell from leaving at the first word.
    put(fmt::format(
        "\x15 [ \"$KVMTEST_SHELL\" = {} ] && {{ for j in $(jobs -p); do kill -9 -$j; done; exit || exit; }} "
        "2>/dev/null\n",
        nonce_));
    while (await_prompt_or_end(key_limit) && !status()) {
      const base::Lock lock(mutex_);
      typing_.at_prompt = false;
    }
  }
  return status().has_value();
}

}  // namespace kvmtest::console
