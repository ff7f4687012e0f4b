#pragma once
// What an interactive shell does of itself is switched off here, and nowhere else: hooks around prompts and commands,
// history and its expansion, mail, idle time-outs, line editing, completion, pagers, colours. Known are bash, dash, ash
// of busybox, zsh, ksh93, mksh, and FreeBSD's sh. docs/adr/0018-plain-shell.md tells the choices.

#include <string>
#include <string_view>
#include <vector>

namespace kvmtest::console {

/// The line to type at a login shell, whatever its start-up files made of it: bash, zsh and ksh give way to one of
/// their kind that reads no such files, in the same environment; others do where a variable that is in the way cannot
/// be unset. Then it prints "MARK:0# ", which the line itself does not hold.
std::string plain_shell_line(std::string_view mark);

/// The line to type where that had no answer: whatever shell it is prints "MARK:1# ".
std::string any_shell_line(std::string_view mark);

/// The line that has a shell prompt as PromptScanner expects it.
std::string prompt_line(std::string_view prompt);

/// The line that gives its prompts another key. Whatever a shell does of itself for a line, it shows nothing, and $? is
/// what it was before.
std::string renewal_line(std::string_view key);

/// Before a command, in its line: $? is what it was before the last such line. With set -e that was 0.
std::string_view restored_status();

/// Behind it, lines to type one after the other, each when the shell has prompted. With the first the shell prompts as
/// PromptScanner expects it, and has no echo.
std::vector<std::string> shell_setup_lines(std::string_view prompt);

/// A line for the system around the shell, once after a boot: the service manager shows no more status lines, and the
/// kernel's messages have time stamps.
std::string system_setup_line();

}  // namespace kvmtest::console
