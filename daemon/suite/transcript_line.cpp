#include "suite/transcript_line.h"

#include <algorithm>
#include <array>

namespace kvmtest::suite {

namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Whether the bytes can stand in a file that people edit. A tab inside a line can.
bool is_clean(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = utf8_size(text);
    if (size == 0 || (is_control(text.front()) && text.front() != '\t')) return false;
    text.remove_prefix(size);
  }
  return true;
}

bool has_suffix(std::string_view line) {
  constexpr std::array<std::string_view, 4> suffixes{" (glob)", " (re)", " (esc)", " (no-eol)"};
  return std::any_of(suffixes.begin(), suffixes.end(), [&](std::string_view suffix) { return line.ends_with(suffix); });
}

void append_hex(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out += "\\x";
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '\t': out += "\\t"; break;
    case '\r': out += "\\r"; break;
    case '\x1b': out += "\\e"; break;
    case '\\': out += "\\\\"; break;
    default: append_hex(out, c);
  }
}

// All of `text` with escapes for what is neither printable nor, by `special`, harmless.
template <class Special>
std::string escape(std::string_view text, Special special) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = utf8_size(text.substr(i));
    if (size > 1) {
      out += text.substr(i, size);
    } else if (size == 0 || is_control(text[i]) || text[i] == '\\' || special(i)) {
      append_escaped(out, text[i]);
    } else {
      out += text[i];
    }
    i += std::max<std::size_t>(size, 1);
  }
  return out;
}

}  // namespace

std::size_t utf8_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const std::size_t size = byte(0) >= 0xc2 && byte(0) <= 0xdf   ? 2
                           : (byte(0) & 0xf0) == 0xe0           ? 3
                           : byte(0) >= 0xf0 && byte(0) <= 0xf4 ? 4
                                                                : 0;
  if (size == 0 || size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
  const bool surrogate = byte(0) == 0xed && byte(1) > 0x9f;
  const bool too_large = byte(0) == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || too_large ? 0 : size;
}

std::optional<CommandLine> command_line(std::string_view line) {
  std::size_t at = 0;
  if (line.empty() || !is_word(line[0])) return std::nullopt;
  while (at < line.size() && (is_word(line[at]) || line[at] == '.' || line[at] == '-')) ++at;
  CommandLine parts;
  parts.host = line.substr(0, at);
  if (at < line.size() && line[at] == '(') {
    const std::size_t close = line.find(')', at);
    if (close == std::string_view::npos) return std::nullopt;
    parts.options = line.substr(at + 1, close - at - 1);
    at = close + 1;
  }
  if (at == line.size() || line[at] != '#') return std::nullopt;
  ++at;
  if (at == line.size()) return parts;
  if (line[at] != ' ') return std::nullopt;
  parts.command = line.substr(at + 1);
  return parts;
}

bool is_continuation(std::string_view line) { return line == ">" || line.starts_with("> "); }

bool is_status(std::string_view line) {
  if (line.size() < 3 || line.front() != '[' || line.back() != ']') return false;
  const std::string_view inside = line.substr(1, line.size() - 2);
  return inside == "*" || inside.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string escaped(std::string_view output, bool newline) {
  const bool command = command_line(output).has_value();
  const std::size_t last = output.empty() ? 0 : output.size() - 1;
  const auto special = [&](std::size_t i) {
    const char c = output[i];
    // What would be read before the suffix is: the end of a host's name, a comment, a command going on, blanks at the
    // end.
    return (c == '#' && (command || i == 0)) || (c == '>' && i == 0) || (c == ' ' && i == last);
  };
  return escape(output, special) + " (esc)" + (newline ? "" : " (no-eol)");
}

std::string written(std::string_view output, bool newline) {
  const bool blank_end = output.ends_with(' ') || output.ends_with('\t');
  if (blank_end || has_suffix(output) || command_line(output) || !is_clean(output)) return escaped(output, newline);
  return std::string(output) + (newline ? "" : " (no-eol)");
}

bool plain_at(std::string_view line, const Where& where) {
  if (command_line(line)) return false;
  if (where.first && is_continuation(line)) return false;
  if (where.after_blank && line.starts_with('#')) return false;
  return !where.last || !(line.empty() || is_status(line));
}

std::string printable(std::string_view text, std::size_t longest) {
  std::string out = escape(text.substr(0, longest), [](std::size_t) { return false; });
  return text.size() > longest ? out + "…" : out;
}

}  // namespace kvmtest::suite
