#include "suite/tap_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "suite/words.h"

namespace kvmtest::suite {
namespace {

constexpr std::string_view blanks = " \t";

bool is_blank(char c) { return blanks.find(c) != std::string_view::npos; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool begins_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

/// Takes a number off `text`; one too large for TAP is none.
std::optional<unsigned> take_number(std::string_view& text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value > 1'000'000'000) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// "\#" is "#" and "\\" is "\"; any other backslash is one (TAP 14, "Escaping").
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '#' || text[i + 1] == '\\')) ++i;
    out += text[i];
  }
  return out;
}

/// Takes the directive off `text`, which stood behind a #; the reason stays. TAP's words may have a tail ("Skipped:")
/// and any case. KTAP's have neither: "# error in line 3" is none.
TapDirective take_directive(std::string_view& text) {
  const std::string_view all = trimmed(text);
  const std::string_view word = all.substr(0, all.find_first_of(blanks));
  const std::string_view bare = word.ends_with(':') ? word.substr(0, word.size() - 1) : word;
  constexpr std::array<std::pair<std::string_view, TapDirective>, 4> of_kernel{{{"XFAIL", TapDirective::xfail},
                                                                                {"XPASS", TapDirective::xpass},
                                                                                {"TIMEOUT", TapDirective::timeout},
                                                                                {"ERROR", TapDirective::error}}};
  auto found = TapDirective::none;
  if (begins_with(word, "skip")) found = TapDirective::skip;
  if (begins_with(word, "todo")) found = TapDirective::todo;
  for (const auto& [name, directive] : of_kernel)
    if (bare == name) found = directive;
  if (found != TapDirective::none) text = trimmed(all.substr(word.size()));
  return found;
}

/// "exit=1": what the kernel's tests say behind a # without a directive.
bool is_datum(std::string_view text) {
  const std::size_t equals = text.find('=');
  return equals != 0 && equals != std::string_view::npos && text.find_first_of(blanks) > equals;
}

/// Takes description, directive and reason from what follows a point's number. A directive stands behind the first #
/// that has a blank before it and is not escaped, and where none is known there, the # is part of the description.
void read_description(std::string_view text, TapPointLine& point) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
      continue;
    }
    if (text[i] != '#' || (i > 0 && !is_blank(text[i - 1]))) continue;
    std::string_view rest = text.substr(i + 1);
    point.directive = take_directive(rest);
    if (point.directive != TapDirective::none || is_datum(trimmed(rest))) {
      point.reason = unescaped(trimmed(rest));
      text = trimmed(text.substr(0, i));
      break;
    }
    if (rest.empty() || is_blank(rest.front())) break;
  }
  if (text.starts_with("- ") || text == "-") text = trimmed(text.substr(1));
  point.description = unescaped(text);
}

std::optional<TapPointLine> point_of(std::string_view line) {
  TapPointLine point;
  point.ok = !line.starts_with("not ");
  if (!point.ok) line = trimmed(line.substr(4));
  if (!line.starts_with("ok")) return std::nullopt;
  line.remove_prefix(2);
  if (!line.empty() && !is_blank(line.front())) return std::nullopt;
  line = trimmed(line);
  std::string_view rest = line;
  if (const auto number = take_number(rest); number && (rest.empty() || is_blank(rest.front()))) {
    point.number = *number;
    line = trimmed(rest);
  }
  read_description(line, point);
  return point;
}

std::optional<TapPlanLine> plan_of(std::string_view line) {
  if (!line.starts_with("1..")) return std::nullopt;
  line.remove_prefix(3);
  const auto count = take_number(line);
  if (!count) return std::nullopt;
  line = trimmed(line);
  if (line.empty()) return TapPlanLine{*count};
  if (line.front() != '#') return std::nullopt;
  line.remove_prefix(1);
  take_directive(line);
  return TapPlanLine{*count, unescaped(trimmed(line))};
}

std::optional<TapVersionLine> version_of(std::string_view line) {
  const bool kernel = line.starts_with("KTAP version ");
  if (!kernel && !begins_with(line, "TAP version ")) return std::nullopt;
  line = trimmed(line.substr(kernel ? 13 : 12));
  if (!take_number(line) || !line.empty()) return std::nullopt;
  return TapVersionLine{kernel};
}

std::optional<TapPragmaLine> pragma_of(std::string_view line) {
  constexpr std::string_view word = "pragma ";
  if (!line.starts_with(word)) return std::nullopt;
  line = trimmed(line.substr(word.size()));
  if (line.size() < 2 || (line.front() != '+' && line.front() != '-')) return std::nullopt;
  return TapPragmaLine{line.front() == '+', std::string(line.substr(1))};
}

/// Behind ESC: the end of a sequence as ECMA-48 has it.
std::size_t end_of_sequence(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != '[') return std::min(at + 1, text.size());
  for (++at; at < text.size() && text[at] >= ' ' && text[at] < '@';) ++at;
  const bool ends = at < text.size() && text[at] >= '@' && text[at] <= '~';
  return ends ? at + 1 : at;
}

}  // namespace

std::optional<TapLine> tap_line(std::string_view line) {
  if (auto point = point_of(line)) return *std::move(point);
  if (auto plan = plan_of(line)) return *std::move(plan);
  if (const auto version = version_of(line)) return *version;
  if (constexpr std::string_view words = "bail out!"; begins_with(line, words))
    return TapBailOutLine{unescaped(trimmed(line.substr(words.size())))};
  if (auto pragma = pragma_of(line)) return *std::move(pragma);
  return std::nullopt;
}

std::optional<std::string> tap_subtest_name(std::string_view comment) {
  constexpr std::string_view word = "Subtest";
  comment = trimmed(comment.substr(1));
  if (!comment.starts_with(word)) return std::nullopt;
  comment = trimmed(comment.substr(word.size()));
  if (comment.empty()) return "";
  if (comment.front() != ':') return std::nullopt;
  return unescaped(trimmed(comment.substr(1)));
}

std::string tap_text(std::string_view output) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (output.starts_with(byte_order_mark)) output.remove_prefix(byte_order_mark.size());
  std::string out;
  out.reserve(output.size());
  for (std::size_t i = 0; i < output.size();) {
    const char c = output[i++];
    if (c == '\x1b') {
      i = end_of_sequence(output, i);
    } else if (c == '\r') {
      out += '\n';
      if (i < output.size() && output[i] == '\n') ++i;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace kvmtest::suite
