#include "console/session.h"

#include <algorithm>

#include <fmt/format.h>

#include "console/shell_watch.h"

namespace kvmtest::console {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

// A terminal in canonical mode drops what passes 4095 bytes of a line (n_tty, N_TTY_BUF_SIZE).
constexpr std::size_t line_bound = 1000;

// For a few letters to be taken.
constexpr auto type_limit = 10s;

bool ends_like_a_shell_prompt(std::string_view text) {
  const std::string plain = without_escapes(text);
  return plain.ends_with("# ") || plain.ends_with("$ ") || plain.ends_with("% ");
}

}  // namespace

std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out.push_back(c);
  }
  return out + "'";
}

Session::Session(std::unique_ptr<Stream> stream, std::size_t capture_bound)
    : stream_(std::move(stream)),
      capture_bound_(capture_bound),
      nonce_(make_nonce()),
      scanner_(nonce_),
      raw_(capture_bound) {}

std::string Session::read(Deadline deadline) {
  std::string bytes = stream_->read(deadline);
  raw_.append(bytes);
  return bytes;
}

void Session::await_login_prompt(Deadline deadline) {
  std::string seen;
  while (steady_clock::now() < deadline) {
    seen += read(deadline);
    if (seen.size() > 65536) seen.erase(0, seen.size() - 32768);
    const std::size_t tail = seen.size() < 200 ? seen.size() : 200;
    if (without_escapes(std::string_view(seen).substr(seen.size() - tail)).ends_with("login: ")) return;
    if (seen.find("Kernel panic - not syncing") != std::string::npos)
      throw LoginFailed("the guest's kernel panicked; " + last_words(seen));
  }
  throw LoginFailed("no login prompt in time; " + last_words(seen));
}

void Session::log_in(const Login& login, Deadline deadline) {
  type(login.user, deadline);
  std::string seen;
  const auto answered = [&](std::string_view what) { return seen.find(what) != std::string::npos; };
  while (!answered("assword:") && !ends_like_a_shell_prompt(seen)) {
    if (steady_clock::now() >= deadline) throw LoginFailed("no password prompt in time; " + last_words(seen));
    seen += read(deadline);
    if (answered("ncorrect")) throw LoginFailed("the guest refused user '" + login.user + "'");
  }
  if (answered("assword:")) {
    seen.clear();
    type(login.password, deadline);
    while (!ends_like_a_shell_prompt(seen)) {
      if (steady_clock::now() >= deadline) throw LoginFailed("no shell prompt in time; " + last_words(seen));
      seen += read(deadline);
      if (answered("ncorrect")) throw LoginFailed("the guest refused user '" + login.user + "' and its password");
    }
  }
  set_up_shell(deadline);
  // The check that the prompt really carries the exit status, and that nothing else is still typing.
  type("(exit 7)", deadline);
  if (await_prompt(deadline, {}) != 7) throw LoginFailed("the shell does not show exit statuses in its prompt (PS1)");
}

void Session::set_up_shell(Deadline deadline) {
  // +m: no job messages. +o emacs: no line editing, so a tab is a tab.
  type(fmt::format("export TERM=dumb; unset LS_COLORS HISTFILE; stty sane -echo -onlcr; set +m +o emacs 2>/dev/null; "
                   "PS2=; PS1={}",
                   shell_quoted(prompt_variable(nonce_))),
       deadline);
  if (!await_prompt(deadline, {})) throw LoginFailed("the shell did not take the prompt (PS1) it was given");
}

void Session::type(std::string_view line, Deadline deadline) {
  at_prompt_ = false;
  std::string bytes(line);
  bytes.push_back('\n');
  stream_->write(bytes, deadline);
}

/// Waits for a prompt. `echoed`: whether to look for somebody else who answers at the console, which ends the waiting;
/// then it is what was typed for that and comes last in the output.
std::optional<int> Session::await_prompt(Deadline deadline, const OnOutput& on_output, std::string* echoed) {
  std::optional<ShellWatch> watch;
  const std::string letters = make_nonce();
  if (echoed != nullptr) watch.emplace(letters, steady_clock::now());
  const auto type_raw = [&](const std::string& bytes) {
    if (!bytes.empty()) stream_->write(bytes, steady_clock::now() + type_limit);
  };
  // What came behind the last prompt may already hold the next one.
  auto result = scanner_.feed({});
  while (true) {
    if (on_output && !result.output.empty()) on_output(result.output);
    at_prompt_ = result.status.has_value();
    const auto now = steady_clock::now();
    const bool other = watch && watch->other_answers();
    if (watch && (result.status || other || now >= deadline)) type_raw(watch->finish());
    if (result.status) return result.status;
    if (other) *echoed = letters;
    if (other || now >= deadline) return std::nullopt;
    if (watch) type_raw(watch->type(now));
    const std::string bytes = read(watch ? std::min(deadline, watch->next()) : deadline);
    if (watch && !bytes.empty()) watch->heard(bytes, steady_clock::now());
    result = scanner_.feed(bytes);
  }
}

/// Types a long command, or one of several lines, in pieces into a shell variable and returns what runs it.
std::string Session::type_long(std::string_view command, Deadline deadline) {
  type("__kvmtest=", deadline);
  if (!await_prompt(deadline, {})) return {};
  for (std::size_t at = 0; at < command.size();) {
    std::size_t length = std::min(line_bound / 4, command.size() - at);  // quoting makes it at most four times longer
    // Not in the middle of a UTF-8 character: a shell may look at each piece.
    while (at + length < command.size() && length > 1 &&
           (static_cast<unsigned char>(command[at + length]) & 0xc0) == 0x80)
      --length;
    type(fmt::format("__kvmtest=\"$__kvmtest\"{}", shell_quoted(command.substr(at, length))), deadline);
    if (!await_prompt(deadline, {})) return {};
    at += length;
  }
  return "eval \"$__kvmtest\"";
}

CommandResult Session::run(std::string_view command, std::chrono::microseconds limit, const OnOutput& on_output) {
  if (live_) live_->append(fmt::format("# {}\n", command));
  return carry_out(limit, on_output, [&](Deadline deadline) {
    std::string line(command);
    // A shell prompts after each complete line; evaluated as one, several lines are one command.
    if (line.size() > line_bound || line.find('\n') != std::string::npos) line = type_long(command, deadline);
    if (line.empty() && !command.empty()) return false;
    type(line, deadline);
    return true;
  });
}

CommandResult Session::await_end(std::chrono::microseconds limit) {
  return carry_out(limit, {}, [](Deadline) { return true; });
}

/// `start` types something, unless it cannot in time, and then there is no prompt.
CommandResult Session::carry_out(std::chrono::microseconds limit, const OnOutput& on_output,
                                 const std::function<bool(Deadline)>& start_it) {
  const auto start = steady_clock::now();
  const Deadline deadline = start + limit;
  CommandResult result;
  Capture output(capture_bound_);
  std::string letters;
  try {
    if (start_it(deadline))
      result.status = await_prompt(
          deadline,
          [&](std::string_view bytes) {
            output.append(bytes);
            if (live_) live_->append(bytes);
            if (on_output) on_output(bytes);
          },
          &letters);
  } catch (const Closed&) {
    result.closed = true;
  }
  result.left = !letters.empty();
  if (live_ && result.status != 0)
    live_->append(result.status ? fmt::format("[{}]\n", *result.status) : "[no prompt]\n");
  if (!result.status) output.append(scanner_.take_rest());
  result.output = output.text();
  if (result.left) result.output.erase(std::min(result.output.size(), result.output.rfind(letters)));
  result.truncated = output.truncated();
  result.output_bytes = output.total();
  result.took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - start);
  return result;
}

void Session::reconnect(std::unique_ptr<Stream> stream) {
  scanner_ = PromptScanner(nonce_);
  at_prompt_ = false;
  const std::lock_guard lock(stream_mutex_);
  stream_ = std::move(stream);
  // Who interrupted the session may have meant the old one.
  if (interrupted_) stream_->interrupt();
}

bool Session::begin_waiting(std::string_view command, std::string_view ready, Deadline deadline) {
  type(command, deadline);
  std::string seen = scanner_.take_rest();
  while (seen.find(ready) == std::string::npos) {
    if (steady_clock::now() >= deadline) return false;
    seen += read(deadline);
  }
  return true;
}

CommandResult Session::end_waiting(const std::string& prompt, std::string_view line, std::string_view mark,
                                   Deadline deadline) {
  const auto start = steady_clock::now();
  CommandResult result;
  type(line, deadline);
  std::string seen;
  auto at = std::string::npos;
  while ((at = seen.find(mark)) == std::string::npos) {
    if (steady_clock::now() >= deadline) break;
    // A test may have left megabytes on the way.
    if (seen.size() > 65536) seen.erase(0, seen.size() - mark.size());
    seen += read(deadline);
  }
  if (at != std::string::npos) {
    nonce_ = prompt;
    scanner_ = PromptScanner(nonce_);
    const auto first = scanner_.feed(seen.substr(at));
    result.output = first.output;
    result.status = first.status;
    if (!result.status)
      result.status = await_prompt(deadline, [&](std::string_view bytes) { result.output.append(bytes); });
    at_prompt_ = result.status.has_value();
  }
  result.took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - start);
  return result;
}

bool Session::recover(std::chrono::milliseconds patience) {
  const Deadline deadline = steady_clock::now() + patience;
  try {
    // A new nonce: prompts of before, still on their way, are not taken for the answer.
    nonce_ = make_nonce();
    scanner_ = PromptScanner(nonce_);
    // End whatever is in the foreground and throw away a half-typed line.
    at_prompt_ = false;
    stream_->write("\x03\x15\n", deadline);
    set_up_shell(deadline);
    return run("(exit 7)", patience).status == 7;
  } catch (const LoginFailed&) {
    return false;
  }
}

std::string Session::take_raw() {
  std::string text = raw_.text();
  raw_ = Capture(capture_bound_);
  return text;
}

}  // namespace kvmtest::console
