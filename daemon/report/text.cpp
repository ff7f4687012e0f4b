#include "report/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <utf8proc.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>

namespace kvmtest::report {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t length = 1;  ///< bytes
  bool valid = false;
};

/// The character at the front of `text`, which is not empty; an invalid one is one byte long.
Character front(std::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  if (bytes[0] < 0x80) return {bytes[0], 1, true};
  utf8proc_int32_t code = 0;
  const auto length =
      utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(std::min<std::size_t>(4, text.size())), &code);
  if (length <= 0) return {};
  return {static_cast<char32_t>(code), static_cast<std::size_t>(length), true};
}

/// Characters that move the text around them: separators, direction marks, embeddings, overrides and isolates; and the
/// two that XML forbids, which are none.
bool is_layout(char32_t code) {
  return code == 0xfffe || code == 0xffff || code == 0x2028 || code == 0x2029 || code == 0x200e || code == 0x200f ||
         code == 0x61c || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

bool is_control(char32_t code) { return code < 0x20 || (code >= 0x7f && code < 0xa0); }

std::size_t columns(const Character& character) {
  return character.valid ? static_cast<std::size_t>(utf8proc_charwidth(static_cast<utf8proc_int32_t>(character.code)))
                         : 1;
}

constexpr std::string_view left_out = "...";

}  // namespace

std::string painted(const Options& options, std::string_view text, const char* how) {
  return options.color && *how != '\0' ? fmt::format("\x1b[{}m{}\x1b[0m", how, text) : std::string(text);
}

std::string issue_text(const core::Issue& issue) {
  return (issue.host.empty() ? "" : issue.host + ": ") + issue.name + (issue.detail.empty() ? "" : ": " + issue.detail);
}

std::size_t columns(std::string_view text) {
  std::size_t sum = 0;
  while (!text.empty()) {
    const Character character = front(text);
    sum += columns(character);
    text.remove_prefix(character.length);
  }
  return sum;
}

std::string cut_end(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  const std::string_view mark = left_out.substr(0, width);
  std::size_t used = mark.size();
  std::size_t kept = 0;
  while (true) {
    const Character character = front(text.substr(kept));
    used += columns(character);
    if (used > width) break;
    kept += character.length;
  }
  return std::string(text.substr(0, kept)).append(mark);
}

std::string cut_begin(std::string_view text, std::size_t width) {
  std::size_t used = columns(text);
  if (used <= width) return std::string(text);
  const std::string_view mark = left_out.substr(0, width);
  // Characters that take no column go with the one that they joined.
  while (!text.empty() && (used + mark.size() > width || columns(front(text)) == 0)) {
    const Character character = front(text);
    used -= columns(character);
    text.remove_prefix(character.length);
  }
  return std::string(mark).append(text);
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = front(text);
    const std::string_view bytes = text.substr(0, character.length);
    text.remove_prefix(character.length);
    if (character.valid && !is_control(character.code) && !is_layout(character.code)) {
      out += bytes;
    } else if (bytes == "\n") {
      out += "\\n";
    } else if (bytes == "\r") {
      out += "\\r";
    } else if (bytes == "\t") {
      out += "\\t";
    } else if (character.valid && is_layout(character.code)) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:04x}}}", static_cast<std::uint32_t>(character.code));
    } else {
      for (const char byte : bytes) {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(byte));
      }
    }
  }
  return out;
}

std::string prefix_text(std::string_view prefix) { return prefix.empty() ? "''" : escaped(prefix); }

std::string prefixes_text(const std::vector<std::string>& prefixes) {
  constexpr std::size_t many = 8;
  if (prefixes.size() > many)
    return fmt::format("{} from {} to {}", prefixes.size(), prefix_text(prefixes.front()),
                       prefix_text(prefixes.back()));
  std::vector<std::string> words;
  for (const std::string& prefix : prefixes) words.push_back(prefix_text(prefix));
  return fmt::format("{}", fmt::join(words, " "));
}

std::string escaped_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n\t"), text.size());
    std::string_view part = text.substr(0, end);
    if (end < text.size() && text[end] == '\n' && part.ends_with('\r')) part.remove_suffix(1);
    out += escaped(part);
    if (end < text.size()) out += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent, std::size_t used) {
  std::string out;
  std::size_t column = used;
  bool at_start = true;  // nothing of the text on this line yet
  while (true) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return out;
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    // Spaces inside a line stay as they are: they may align something. Those at a break go.
    const std::size_t gap = at_start ? 0 : begin;
    if (column + gap + columns(word) > width && column > indent) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else {
      out.append(gap, ' ');
      column += gap;
    }
    out += word;
    column += columns(word);
    at_start = false;
    text.remove_prefix(end);
  }
}

std::string duration_text(core::Duration duration) {
  const double seconds = core::seconds(duration);
  // Rounded first, so that 59.999 s does not become "60.00 s".
  if (const auto hundredths = std::llround(seconds * 100); hundredths < 60 * 100) {
    return fmt::format("{:.2f} s", static_cast<double>(hundredths) / 100);
  }
  if (const auto tenths = std::llround(seconds * 10); tenths < 3600 * 10) {
    return fmt::format("{} min {}.{} s", tenths / 600, tenths % 600 / 10, tenths % 10);
  }
  const auto minutes = std::llround(seconds / 60);
  return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

std::string use_text(const std::vector<core::record::HostUse>& hosts, core::Duration frozen) {
  if (hosts.empty()) return {};
  const auto group = core::record::of_group(hosts);
  std::string text =
      fmt::format("used {} of processor time, starved {}", duration_text(group.used), duration_text(group.starved));
  const char* apart = " (";
  for (const auto& host : hosts) {
    if (hosts.size() < 2) break;
    text += fmt::format("{}{} {}", apart, host.host, duration_text(host.starved));
    apart = ", ";
  }
  if (hosts.size() > 1) text += ')';
  return frozen.count() > 0 ? text + ", stood still for " + duration_text(frozen) : text;
}

std::string bar(double value, double largest, std::size_t width) {
  if (value <= 0 || largest <= 0) return {};
  const auto columns = static_cast<std::size_t>(std::lround(value / largest * static_cast<double>(width)));
  return std::string(std::clamp<std::size_t>(columns, 1, width), '#');
}

std::size_t rest(const Options& options, std::size_t used, std::size_t least) {
  return options.width > used + least ? options.width - used : least;
}

}  // namespace kvmtest::report
