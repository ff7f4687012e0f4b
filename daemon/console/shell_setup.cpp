#include "console/shell_setup.h"

#include <fmt/format.h>

#include "base/quoting.h"
#include "console/prompt.h"
#include "console/session.h"

namespace kvmtest::console {
namespace {

// No echo, and lines of programs end with LF alone: see kernel.h.
constexpr const char* terminal = "stty sane -echo -onlcr";

// What a shell reads before its first prompt, and read-only variables: in the new shell they are not.
constexpr const char* environment = "TERM=dumb ENV=/dev/null BASH_ENV=/dev/null TMOUT=0 PROMPT_COMMAND= PS0=";

}  // namespace

std::string plain_shell_line(std::string_view mark) {
  // The name of the shell, "-bash", stands before each of its errors: it stays, but for ksh, which would read the
  // profile once more. No exclamation mark, for there may be history.
  const std::string line = fmt::format(
      "{terminal} || :; set -- env -u SHELLOPTS -u BASHOPTS {environment} __kvmtest={mark}; "
      "case ${{BASH_VERSION:+b}}${{ZSH_VERSION:+z}}${{KSH_VERSION:+k}} in "
      "b) exec \"$@\" \"$BASH\" --norc --noprofile -c "
      "'{say}; exec -a \"$0\" \"$BASH\" --norc --noprofile --noediting +H' \"$0\" ;; "
      "z) exec \"$@\" zsh -f -c '{say}; exec -a \"$0\" zsh -f +Z -o promptsubst +o promptsp +o promptcr' \"$0\" ;; "
      "k) exec \"$@\" \"${{0#-}}\" -c '{say}; exec \"$0\" +m +o emacs +o vi' \"${{0#-}}\" ;; "
      "*) if (unset ENV TMOUT PS1 PS2 PS4 MAIL MAILPATH MAILCHECK) 2>/dev/null; then set --; __kvmtest={mark}; {say}; "
      "else exec \"$@\" \"${{0#-}}\" -c '{say}; exec \"$0\"' \"${{0#-}}\"; fi ;; esac",
      fmt::arg("terminal", terminal), fmt::arg("environment", environment), fmt::arg("mark", mark),
      fmt::arg("say", "printf \"%s:0# \" $__kvmtest"));
  // In quotes: a zsh that corrects words asks about none that is quoted.
  return " eval " + base::shell_quoted(line);
}

std::string any_shell_line(std::string_view mark) { return fmt::format("echo {}':1# '", mark); }

std::string prompt_line(std::string_view prompt) {
  // Set -e ends a shell in which a command fails.
  return fmt::format("PS2={} PS1={} {}={} __ke='case $__ks$- in 0*|*e*);;*)(exit $__ks);;esac'",
                     base::shell_quoted(continuation_variable(prompt)), base::shell_quoted(prompt_variable(prompt)),
                     key_variable, key_of(prompt));
}

// Short, for it goes before each command. Where traces are shown (set -x), they go to standard error.
std::string renewal_line(std::string_view key) {
  return fmt::format("{{ __ks=$? {}={};eval \"$__ke\";}} 2>/dev/null", key_variable, key);
}

std::string_view restored_status() { return "{ eval \"$__ke\";} 2>/dev/null;"; }

std::vector<std::string> shell_setup_lines(std::string_view prompt) {
  return {
      // Whatever fails because a shell has no such thing must not end the line: `command` sees to that.
      fmt::format(" {}; set +eu; command set +o emacs +o vi 2>/dev/null; if [ -n \"${{ZSH_VERSION-}}\" ]; then emulate "
                  "sh; setopt promptsubst interactivecomments rmstarsilent; unsetopt promptcr promptsp banghist notify "
                  "correct correctall beep mailwarning monitor zle; fi; {}",
                  terminal, prompt_line(prompt)),
      // +m: no job messages.
      "unalias -a 2>/dev/null; trap - 0; for __kvmtest in a b C f v x m H; do command set +$__kvmtest; done "
      "2>/dev/null; for __kvmtest in gmacs viraw history bgnice; do command set +o $__kvmtest; done 2>/dev/null; if [ "
      "-n "
      "\"${BASH_VERSION-}\" ]; then trap - DEBUG ERR RETURN; shopt -u checkwinsize mailwarn extdebug; unset -f "
      "command_not_found_handle; fi",
      "for __kvmtest in MAIL MAILPATH MAILCHECK TMOUT ENV BASH_ENV PROMPT_COMMAND PS0 HISTFILE CDPATH COLUMNS LINES "
      "COLORTERM LS_COLORS CLICOLOR CLICOLOR_FORCE FORCE_COLOR GREP_OPTIONS GREP_COLOR GREP_COLORS MANPAGER "
      "SYSTEMD_PAGER SYSTEMD_COLORS; do command unset $__kvmtest; done 2>/dev/null; PS4='+ '; export TERM=dumb "
      "PAGER=cat GIT_PAGER=cat NO_COLOR=1; __kvmtest_n=$(printf '\\nx'); __kvmtest_n=${__kvmtest_n%x}; unset __kvmtest",
  };
}

std::string system_setup_line() {
  // 55 is SIGRTMIN+21: systemd(1). FreeBSD's kernel gives its messages no time stamps.
  return "{ [ ! -d /run/systemd/system ] || kill -55 1; [ ! -w /sys/module/printk/parameters/time ] || echo Y "
         ">/sys/module/printk/parameters/time; command -v conscontrol && conscontrol mute on; } >/dev/null 2>&1";
}

}  // namespace kvmtest::console
