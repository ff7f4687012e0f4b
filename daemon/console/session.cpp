#include "console/session.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/quoting.h"
#include "console/shell_setup.h"
#include "console/shell_watch.h"
#include "console/word_search.h"

namespace kvmtest::console {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

// A terminal in canonical mode drops what passes 4095 bytes of a line (n_tty, N_TTY_BUF_SIZE).
constexpr std::size_t line_bound = 1000;

// The words of bash for a text that it cannot evaluate. Its next prompt has the status of the command before then, and
// it misreads a `case` in the next line. $? is right, and any other line puts its parser right.
constexpr std::string_view unmatched = "unexpected EOF while looking for matching";

// For a few letters to be taken.
constexpr auto type_limit = 10s;

/// Whether a terminal takes it as it stands: it acts upon control characters, and a shell prompts after each line.
bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return (code < 0x20 && c != '\t') || code == 0x7f;
  });
}

/// As one word of a shell, typed as one line without control characters.
std::string typed_word(std::string_view text) {
  std::string out;
  std::string plain;
  const auto end_plain = [&] {
    if (!plain.empty()) out += base::shell_quoted(std::exchange(plain, {}));
  };
  for (const char c : text) {
    if (is_plain({&c, 1})) {
      plain.push_back(c);
      continue;
    }
    end_plain();
    // See shell_setup_lines(): a substitution loses line feeds.
    out += c == '\n' ? "\"$__kvmtest_n\"" : fmt::format("\"$(printf '\\{:03o}')\"", static_cast<unsigned char>(c));
  }
  end_plain();
  return out;
}

}  // namespace

Session::Session(std::unique_ptr<Stream> stream, std::size_t capture_bound, Patience patience)
    : link_(std::move(stream), capture_bound),
      capture_bound_(capture_bound),
      patience_(patience),
      scanner_(make_nonce()),
      kernel_(std::string(mark_of(scanner_.nonce()))) {}

/// What Link::read gives, without what the kernel said.
std::string Session::read_text(GuestDeadline deadline) {
  std::string text;
  for (auto piece = kernel_.feed(link_.read(deadline));; piece = kernel_.feed({})) {
    text += piece.text;
    if (!piece.message) return text;
    note(std::move(*piece.message));
  }
}

void Session::note(KernelScanner::Message message) {
  if (live_) live_->append(message.bytes);
  heard_.add({given_ + scanner_.held(), std::move(message.bytes), std::move(message.line), steady_clock::now()});
}

void Session::set_nonce(std::string nonce) {
  kernel_.set_prompt(std::string(mark_of(nonce)));
  scanner_ = PromptScanner(std::move(nonce));
}

void Session::type(std::string_view line, GuestDeadline deadline) {
  at_prompt_ = false;
  std::string bytes(line);
  bytes.push_back('\n');
  link_.write(bytes, deadline);
}

/// Hands on the output that was found.
void Session::give(PromptScanner::Result& result, const OnOutput& on_output) {
  const std::string output = std::exchange(result.output, {});
  if (!on_output || output.empty()) return;
  given_ += output.size();
  on_output(output);
}

/// Gives the shell's prompts a new key, and types `line` at once behind that, if there is one. What has come before the
/// first prompt with that key is of what runs in the background. But a prompt of before may be among it: of a command
/// that has printed its own prompt before its end, or because somebody else pressed return. What stands before that
/// belongs to the command before.
Session::Answer Session::renew_prompt(std::optional<std::string_view> line, GuestDeadline deadline,
                                      const OnOutput& on_output) {
  const std::string key = make_key();
  scanner_.renew(key);
  at_prompt_ = false;
  // In one go: the terminal keeps the second line until the shell wants it.
  std::string bytes = renewal_line(key) + '\n';
  if (line) bytes.append(*line).push_back('\n');
  link_.write(bytes, deadline);
  Capture between(capture_bound_);
  const auto before = [&] {
    between = Capture(capture_bound_);
    given_ = 0;
  };
  const auto keep = [&](std::string_view bytes) { between.append(bytes); };
  Answer answer = await_answer(deadline, keep, true, before);
  if (const std::string text = between.text(); on_output && !text.empty()) on_output(text);
  return answer;
}

/// Waits for a prompt. `watched`: whether to look for somebody else who answers at the console, which ends the waiting.
/// `on_stale`: told of each prompt that is none.
Session::Answer Session::await_answer(GuestDeadline deadline, const OnOutput& on_output, bool watched,
                                      const std::function<void()>& on_stale) {
  std::optional<ShellWatch> watch;
  const std::string letters = make_nonce();
  if (watched) watch.emplace(letters, now());
  const auto type_raw = [&](const std::string& bytes) {
    if (!bytes.empty()) link_.write(bytes, now() + type_limit);
  };
  // What came behind the last prompt may already hold the next one.
  auto result = scanner_.feed({});
  if (watch && !result.output.empty()) watch->heard(result.output, now());
  std::string bytes;
  while (true) {
    give(result, on_output);
    if (result.stale) {
      if (on_stale) on_stale();
      result = scanner_.feed({});
      continue;
    }
    if (result.incomplete) {
      if (watch) type_raw(watch->finish());
      return {std::nullopt, true, {}};
    }
    at_prompt_ = result.status.has_value();
    const auto at = this->now();
    const bool other = watch && watch->other_answers();
    if (watch && (result.status || other || passed(deadline))) type_raw(watch->finish());
    if (result.status) return {result.status, false, {}};
    if (other) return {std::nullopt, false, letters};
    auto piece = kernel_.feed(std::exchange(bytes, {}));
    const bool silent = piece.text.empty() && !piece.message;
    if (watch && !piece.text.empty()) watch->heard(piece.text, at);
    result = scanner_.feed(piece.text);
    if (piece.message) {
      give(result, on_output);
      note(std::move(*piece.message));
    } else if (silent) {
      if (passed(deadline)) return {};
      if (watch) type_raw(watch->type(at));
      bytes = link_.read(watch ? std::min(deadline, watch->next()) : deadline);
    }
  }
}

/// Types a long command, or what a terminal would not take as it stands, in pieces into a shell variable and returns
/// what runs it; what is short enough in one piece.
std::string Session::type_long(std::string_view command, GuestDeadline deadline) {
  // The command may ask for the status of the one before it.
  const std::string before(restored_status());
  if (command.size() < line_bound)
    if (const std::string word = typed_word(command); word.size() < line_bound) return before + "eval " + word;
  type("__kvmtest=", deadline);
  if (!await_prompt(deadline)) return {};
  for (std::size_t at = 0; at < command.size();) {
    std::size_t length = std::min(line_bound / 4, command.size() - at);  // quoting makes it at most four times longer
    while (typed_word(command.substr(at, length)).size() > line_bound) length /= 2;
    // Not in the middle of a UTF-8 character: a shell may look at each piece.
    // One has at most three such bytes; what has more is none.
    const auto continues = [&](std::size_t i) {
      return i < command.size() && (static_cast<unsigned char>(command[i]) & 0xc0) == 0x80;
    };
    std::size_t back = 0;
    while (back < 4 && back + 1 < length && continues(at + length - back)) ++back;
    if (back < 4) length -= back;
    type(fmt::format("__kvmtest=\"$__kvmtest\"{}", typed_word(command.substr(at, length))), deadline);
    if (!await_prompt(deadline)) return {};
    at += length;
  }
  return before + "eval \"$__kvmtest\"";
}

/// Out of a command that the shell wants the rest of. False: it does not answer.
bool Session::give_up_line(GuestDeadline deadline) {
  // Some shells give it up at the line behind it.
  link_.write("\x03\n", deadline);
  // How many prompts that brings differs (busybox's ash may take the signal for the input's end first, and then for a
  // signal), and so does what of the input it takes along. Hence a new key for each try.
  while (true) {
    scanner_.renew(make_key());
    type(prompt_line(scanner_.nonce()), deadline);
    if (await_prompt(std::min(deadline, now() + patience_.answer))) return true;
    if (passed(deadline)) return false;
  }
}

Session::Answer Session::execute(std::string_view command, GuestDeadline deadline, const OnOutput& on_output) {
  const bool plain = command.size() <= line_bound && is_plain(command);
  if (Answer renewed = renew_prompt(plain ? std::optional(command) : std::nullopt, deadline, on_output);
      !renewed.status)
    return renewed;
  if (plain) {
    Answer answer = await_answer(deadline, on_output, true);
    // Nothing of it has run. Evaluated, it is an error that the shell tells, as it is for a long command.
    if (!answer.incomplete) return answer;
    if (!give_up_line(deadline)) return {};
  }
  // Evaluated as one, several lines are one command.
  const std::string line = type_long(command, deadline);
  if (line.empty()) return {};
  type(line, deadline);
  std::string end;  // of the output
  const Answer answer = await_answer(
      deadline,
      [&](std::string_view bytes) {
        constexpr std::size_t bound = 256;
        end.append(bytes.substr(bytes.size() - std::min(bytes.size(), bound)));
        end.erase(0, end.size() - std::min(end.size(), bound));
        if (on_output) on_output(bytes);
      },
      true);
  if (!answer.status || end.find(unmatched) == std::string::npos) return answer;
  // With set -e the shell would end by it.
  type("__kvmtest=$?; [ -o errexit ] || (exit $__kvmtest)", deadline);
  return await_answer(deadline, {});
}

CommandResult Session::run(std::string_view command, std::chrono::microseconds limit, const OnOutput& on_output) {
  if (live_) live_->append(fmt::format("# {}\n", command));
  return carry_out(limit, on_output,
                   [&](GuestDeadline deadline, const OnOutput& give) { return execute(command, deadline, give); });
}

CommandResult Session::await_end(std::chrono::microseconds limit) {
  return carry_out(limit, {},
                   [&](GuestDeadline deadline, const OnOutput& give) { return await_answer(deadline, give, true); });
}

CommandResult Session::carry_out(std::chrono::microseconds limit, const OnOutput& on_output,
                                 const std::function<Answer(GuestDeadline, const OnOutput&)>& start_it) {
  const auto start = steady_clock::now();
  const GuestDeadline deadline = now() + limit;
  CommandResult result;
  Capture output(capture_bound_);
  std::string letters;
  given_ = 0;
  const std::size_t heard = heard_.size();
  try {
    Answer answer = start_it(deadline, [&](std::string_view bytes) {
      output.append(bytes);
      if (live_) live_->append(bytes);
      if (on_output) on_output(bytes);
    });
    result.status = answer.status;
    letters = std::move(answer.letters);
  } catch (const Closed&) {
    result.closed = true;
  }
  result.left = !letters.empty();
  if (live_ && result.status != 0)
    live_->append(result.status ? fmt::format("[{}]\n", *result.status) : "[no prompt]\n");
  if (!result.status) output.append(scanner_.take_rest() + kernel_.take_rest());
  result.output = output.text();
  if (result.left) result.output.erase(std::min(result.output.size(), result.output.rfind(letters)));
  result.truncated = output.truncated();
  result.output_bytes = output.total();
  result.kernel = heard_.after(heard);
  for (KernelMessage& message : result.kernel) message.offset = std::min(message.offset, result.output_bytes);
  result.took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - start);
  return result;
}

void Session::reconnect(std::unique_ptr<Stream> stream) {
  scanner_.take_rest();
  kernel_.take_rest();
  at_prompt_ = false;
  link_.reconnect(std::move(stream));
}

bool Session::begin_waiting(std::string_view command, std::string_view ready, GuestDeadline deadline) {
  type(command, deadline);
  WordSearch search{std::string(ready)};
  for (std::string text = scanner_.take_rest(); !search.feed(text); text = read_text(deadline))
    if (passed(deadline)) return false;
  return true;
}

CommandResult Session::end_waiting(const std::string& prompt, std::string_view line, std::string_view mark,
                                   GuestDeadline deadline) {
  const auto start = steady_clock::now();
  CommandResult result;
  type(line, deadline);
  kernel_.set_clock(0);
  WordSearch search{std::string(mark)};  // a test may have left megabytes on the way
  std::optional<std::string> found;
  while (!found && !passed(deadline)) found = search.feed(read_text(deadline));
  if (found) {
    set_nonce(prompt);
    Capture output(capture_bound_);
    const auto keep = [&](std::string_view bytes) { output.append(bytes); };
    auto first = scanner_.feed(*found);
    give(first, keep);
    result.status = first.status ? first.status : await_answer(deadline, keep).status;
    result.output = output.text();
    at_prompt_ = result.status.has_value();
  }
  result.took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - start);
  return result;
}

bool Session::recover(std::chrono::milliseconds patience) {
  const GuestDeadline deadline = now() + patience;
  try {
    // A new nonce: prompts of before, still on their way, are not taken for the answer.
    set_nonce(make_nonce());
    // End whatever is in the foreground and throw away a half-typed line.
    at_prompt_ = false;
    link_.write("\x03\x15\n", deadline);
    set_up_shell(deadline, false);
    return run("(exit 7)", patience).status == 7;
  } catch (const LoginFailed&) {
    return false;
  } catch (const Closed&) {
    return false;
  }
}

}  // namespace kvmtest::console
