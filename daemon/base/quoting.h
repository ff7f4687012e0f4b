#pragma once
// Words for a POSIX shell (POSIX.1-2017, Shell Command Language, 2.2 Quoting), and values of files. Pure; any thread.

#include <string>
#include <string_view>

namespace kvmtest::base {

/// As one word, in quotes whatever it is: for shells, some of which do more with a word that is not quoted.
std::string shell_quoted(std::string_view text);

/// As one word, in quotes only where it needs them: for people, who read it and may type it.
std::string shell_word(std::string_view text);

/// Between double quotes, with a backslash before each of these and before each backslash: one value for YAML
/// (1.2, 7.3.1) and for ssh_config(5). Not for shells.
std::string in_double_quotes(std::string_view text);

}  // namespace kvmtest::base
