// The way to a session's shell: what a guest shows after its boot, the login, and the shell that is typed at.
//
// Whatever is waited for may be hidden: the kernel's messages are taken out of what is looked at, but init's stand
// behind a prompt all the same, and so do the kernel's where they have no time stamps. So after a while of nothing new,
// an empty line brings the prompt again.

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "console/session.h"
#include "console/shell_setup.h"

namespace kvmtest::console {
namespace {

// Enough of a boot to look for a panic in, and for an error message.
constexpr std::size_t kept = 65536;
// Enough of what a login says.
constexpr std::size_t kept_of_login = 4096;
// No word that is looked for is longer.
constexpr std::size_t longest_word = 64;
// A login that may have been an answer to something else is tried again so often.
constexpr unsigned most_refusals = 3;
// So many quiet times make a line without an end a prompt, whatever it looks like.
constexpr int long_silence = 3;

/// The last line, without escapes.
std::string last_line(std::string_view text) {
  constexpr std::size_t longest = 400;
  text = text.substr(text.size() - std::min(text.size(), longest));
  const std::string plain = without_escapes(text);
  // Line editors return to the beginning of a line and write it again.
  return plain.substr(plain.rfind('\n') + 1);
}

bool holds(std::string_view text, std::string_view what) { return text.find(what) != std::string_view::npos; }

bool ends_like_a_shell_prompt(std::string_view text) {
  const std::string line = last_line(text);
  constexpr std::array<std::string_view, 4> ends{"# ", "$ ", "% ", "> "};
  return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return line.ends_with(end); });
}

/// Whether the boot ended at a shell for repairs (initramfs-tools, dracut, systemd's emergency.target, sulogin). Words
/// may stand in the `fresh` part of `text` only.
bool is_rescue(std::string_view text, std::string_view fresh) {
  const std::string line = last_line(text);
  constexpr std::array<std::string_view, 4> prompts{"(initramfs) ", "dracut:/# ",
                                                    "Control-D to continue): ", "for maintenance: "};
  constexpr std::array<std::string_view, 3> words{"You are in emergency mode", "You are in rescue mode",
                                                  "Entering emergency mode"};
  return std::any_of(prompts.begin(), prompts.end(), [&](std::string_view end) { return line.ends_with(end); }) ||
         std::any_of(words.begin(), words.end(), [&](std::string_view said) { return holds(fresh, said); });
}

bool is_something(const std::string& line) { return line.find_first_not_of(" \r") != std::string::npos; }

void bound(std::string& text, std::size_t most = kept) {
  if (text.size() > most) text.erase(0, text.size() - most / 2);
}

/// The last `size` bytes, and what of a word may stand before them: however much a guest prints, all is looked at once.
std::string_view fresh(const std::string& text, std::size_t size) {
  return std::string_view(text).substr(text.size() - std::min(text.size(), size + longest_word));
}

}  // namespace

void Session::knock(GuestDeadline deadline) { link_.write("\n", deadline); }

void Session::await_login_prompt(GuestDeadline deadline) {
  // Nothing is left of an earlier boot.
  at_shell_ = at_prompt_ = false;
  set_kernel_log({});
  std::string all;          // for a panic, and for last words
  std::string text;         // without what the kernel said
  std::string before;       // the last line at the last knock
  bool looked = false;      // and that it looked like a shell's prompt
  bool asked = false;       // for a login, since then
  auto last = this->now();  // something was printed
  auto knocked = last;
  while (!passed(deadline)) {
    const std::string bytes = link_.read(std::min(deadline, this->now() + patience_.quiet));
    std::size_t added = 0;
    for (auto piece = kernel_.feed(bytes);; piece = kernel_.feed({})) {
      text += piece.text;
      added += piece.text.size();
      if (!piece.message) break;
    }
    all += bytes;
    const bool panic = holds(fresh(all, bytes.size()), "Kernel panic - not syncing");
    const bool rescue = is_rescue(text, fresh(text, added));
    asked = asked || holds(fresh(text, added), "login: ");
    bound(all);
    bound(text);
    if (last_line(text).ends_with("login: ")) return;
    if (panic) throw LoginFailed("the guest's kernel panicked; " + last_words(all));
    if (rescue) throw LoginFailed("the guest came up with a rescue shell; " + last_words(all));
    const auto now = this->now();
    if (!bytes.empty()) last = now;
    if (now - last < patience_.quiet && now - knocked < patience_.answer) continue;
    // What an empty line brings once more is a prompt, and that of a shell it is that looks like one twice.
    const std::string line = last_line(text);
    const bool looks = ends_like_a_shell_prompt(text);
    if ((looks && looked) || (is_something(line) && line == before)) {
      at_shell_ = true;
      return;
    }
    // A boot that is silent for a while is no reason, but a silence that lasts.
    if (!looks && !asked && now - std::max(last, knocked) < patience_.answer) continue;
    if (now - knocked < patience_.quiet) continue;
    looked = looks;
    before = line;
    asked = false;
    text.clear();
    knocked = last = now;
    knock(deadline);
  }
  throw LoginFailed("no login prompt in time; " + last_words(all));
}

/// Types user and password, whenever asked, until something looks like a shell.
void Session::enter_shell(const Login& login, GuestDeadline deadline) {
  enum class Asked { user, password } asked = Asked::user;
  bool again = false;  // the guest may have taken an empty line for an answer
  unsigned refusals = 0;
  std::string seen;
  auto typed = this->now();
  auto last = typed;  // something was printed
  const auto answer = [&](const std::string& line) {
    seen.clear();
    typed = this->now();
    type(line, deadline);
  };
  answer(login.user);
  while (true) {
    const std::string text = read_text(std::min(deadline, this->now() + patience_.quiet));
    seen += text;
    bound(seen, kept_of_login);
    const auto now = this->now();
    if (!text.empty()) last = now;
    if (holds(seen, "ncorrect")) {
      const bool user = asked == Asked::user;
      if (!again || ++refusals >= most_refusals)
        throw LoginFailed("the guest refused user '" + login.user + (user ? "'" : "' and its password"));
      seen.erase(0, seen.find("ncorrect") + 1);
      asked = Asked::user;
    } else if (asked == Asked::user && holds(seen, "assword:")) {
      asked = Asked::password;
      answer(login.password);
    } else if (ends_like_a_shell_prompt(seen)) {
      return;
    } else if (asked == Asked::password && now - last >= long_silence * patience_.quiet &&
               is_something(last_line(seen)) && !last_line(seen).ends_with("login: ")) {
      return;  // a prompt of somebody's own taste; whether it is a shell's is seen next
    } else if (passed(deadline)) {
      throw LoginFailed(
          fmt::format("no {} prompt in time; {}", asked == Asked::user ? "password" : "shell", last_words(seen)));
    } else if (again && now - typed >= patience_.quiet && last_line(seen).ends_with("login: ")) {
      asked = Asked::user;
      answer(login.user);
    } else if (now - typed >= patience_.answer) {
      again = true;
      typed = now;
      knock(deadline);
    }
  }
}

void Session::log_in(const Login& login, GuestDeadline deadline) {
  set_kernel_log({});
  if (!at_shell_) enter_shell(login, deadline);
  enter_plain_shell(deadline);
  set_up_shell(deadline, true);
  // The check that the prompt really carries the exit status, and that nothing else is still typing.
  type("(exit 7)", deadline);
  if (await_prompt(deadline) != 7) throw LoginFailed("the shell does not show exit statuses in its prompt (PS1)");
  type(system_setup_line(), deadline);
  if (!await_prompt(deadline)) throw LoginFailed("the shell does not answer");
  // What the boot still had to say is no command's output.
  scanner_.take_rest();
}

/// Whether a POSIX shell has taken the plain shell's line. False: another shell has answered. Throws LoginFailed.
bool Session::await_mark(const std::string& mark, GuestDeadline deadline) {
  PromptScanner marks(mark);
  std::string seen;
  bool asked = false;
  type(plain_shell_line(mark), deadline);
  const auto typed = this->now();
  while (true) {
    const std::string text = read_text(std::min(deadline, this->now() + patience_.quiet));
    seen += text;
    bound(seen, kept_of_login);
    if (const auto result = marks.feed(text); result.status) return *result.status == 0;
    const auto now = this->now();
    if (passed(deadline)) throw LoginFailed("the shell does not answer; " + last_words(seen));
    if (asked || now - typed < patience_.answer) continue;
    asked = true;
    type(any_shell_line(mark), deadline);
  }
}

/// From whatever shell the login gave to one that does nothing of itself.
void Session::enter_plain_shell(GuestDeadline deadline) {
  if (await_mark(make_nonce(), deadline)) return;
  // Of csh, tcsh and fish, too.
  type("exec /bin/sh", deadline);
  if (!await_mark(make_nonce(), deadline))
    throw LoginFailed("the login shell is no POSIX shell, and neither is the guest's /bin/sh");
}

void Session::set_up_shell(GuestDeadline deadline, bool whole) {
  for (const std::string& line : shell_setup_lines(scanner_.nonce())) {
    type(line, deadline);
    if (!await_prompt(deadline)) throw LoginFailed("the shell did not take the prompt (PS1) it was given");
    if (!whole) return;
  }
}

}  // namespace kvmtest::console
