#pragma once
// The syntax of single lines of the native format: reading them, and writing output so that it reads back as output.
// Pure; any thread. Internal to suite/.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kvmtest::suite {

/// "host(options)# command", as it stands; nothing is checked.
struct CommandLine {
  std::string_view host;
  std::optional<std::string_view> options;  ///< between the parentheses
  std::string_view command;
};

/// The line's parts when it looks like a command line, whatever host it names.
std::optional<CommandLine> command_line(std::string_view line);

/// Whether it goes on with the command when it follows one: "> more", or ">".
bool is_continuation(std::string_view line);

/// Whether it is an exit status when it comes last: "[1]", "[*]".
bool is_status(std::string_view line);

/// A line of output as the file would hold it: as it is where that is safe anywhere but in the places `plain_at` knows,
/// else with " (esc)"; with " (no-eol)" when no `newline` ends it.
std::string written(std::string_view output, bool newline);
/// The same, always with " (esc)".
std::string escaped(std::string_view output, bool newline);

/// Where in a step's expectation a line is to be written.
struct Where {
  bool first = false;        ///< right after the command
  bool after_blank = false;  ///< the line before it is an empty one
  bool last = false;         ///< neither a line nor a status follows
};
/// Whether `line`, as written, reads back as a line of expectation in that place.
bool plain_at(std::string_view line, const Where& where);

/// Bytes of the UTF-8 character that `text` begins with (RFC 3629, section 4); 0 when it begins with none.
std::size_t utf8_size(std::string_view text);

/// Bytes that no terminal minds, for one line of a message: escapes for what is not printable, cut at `longest` bytes.
std::string printable(std::string_view text, std::size_t longest);

}  // namespace kvmtest::suite
