#pragma once
// Programs on the machine that kvmtest runs on as tests, one a file or one a line of a list. docs/formats.md is the
// definition. Pure except for program_format(), which reads files; any thread.

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/input_error.h"
#include "suite/format.h"

namespace kvmtest::suite {

/// The suffix of lists.
inline constexpr const char* list_suffix = ".tests";

/// The test that the comment at the top of a program's file describes; none when it names no hosts, and so describes
/// none. Only the beginning of the text is looked at. Throws core::InputError "path:line: message".
std::optional<Test> parse_program(std::string_view text, const std::filesystem::path& path, TestName name,
                                  const std::set<std::string>* known_hosts = nullptr);

/// The tests of a list, in its order. `suite`: what stands before the slash in their names; `directory`: where their
/// commands run. Throws core::InputError "path:line: message".
std::vector<Test> parse_list(std::string_view text, const std::filesystem::path& path, const std::string& suite,
                             const std::filesystem::path& directory,
                             const std::set<std::string>* known_hosts = nullptr);

/// Judges an attempt at one: its exit status, and its standard output where that is TAP.
Judgement judge_program(const std::vector<std::string>& hosts, const Execution& execution);

/// Whether the file is a script to be executed, whatever its suffix: executable, and begins with "#!".
bool is_script(const std::filesystem::path& file);

/// Executable files, lists (*.tests), and directories of them.
const Format& program_format();

}  // namespace kvmtest::suite
