#include "judge/expected.h"

#include <re2/re2.h>

#include <optional>
#include <stdexcept>

namespace kvmtest::judge {

namespace {

bool strip_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

char unescape_byte(std::string_view body, std::size_t at) {
  const auto high = at + 1 < body.size() ? hex_digit(body[at]) : std::nullopt;
  const auto low = at + 1 < body.size() ? hex_digit(body[at + 1]) : std::nullopt;
  if (!high || !low) throw std::invalid_argument("\\x takes two hexadecimal digits");
  return static_cast<char>(*high * 16 + *low);
}

}  // namespace

std::string unescape(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\') {
      out += body[i];
      continue;
    }
    if (++i == body.size()) throw std::invalid_argument("an escape is unfinished; a backslash is written \\\\");
    switch (body[i]) {
      case 't': out += '\t'; break;
      case 'r': out += '\r'; break;
      case 'e': out += '\x1b'; break;
      case '\\': out += '\\'; break;
      case 'x':
        out += unescape_byte(body, i + 1);
        i += 2;
        break;
      default:
        throw std::invalid_argument(std::string("unknown escape '\\") + body[i] +
                                    "'; there are \\t \\r \\e \\\\ and \\xHH");
    }
    if (out.back() == '\n') throw std::invalid_argument("a line cannot hold a line feed");
  }
  return out;
}

ExpectedLine parse_expected(std::string text) {
  ExpectedLine line;
  line.text = std::move(text);
  std::string_view body = line.text;
  line.newline = !strip_suffix(body, " (no-eol)");
  if (strip_suffix(body, " (glob)")) {
    line.match = Match::glob;
  } else if (strip_suffix(body, " (re)")) {
    line.match = Match::re;
    const RE2 pattern(re2::StringPiece(body.data(), body.size()), RE2::Quiet);
    if (!pattern.ok()) throw std::invalid_argument("bad regular expression: " + pattern.error());
  } else if (strip_suffix(body, " (esc)")) {
    line.match = Match::esc;
    (void)unescape(body);
  }
  line.body_size = body.size();
  return line;
}

Lines split_lines(std::string_view text, std::size_t most) {
  Lines out;
  while (!text.empty() && out.lines.size() < most) {
    const std::size_t end = text.find('\n');
    out.lines.push_back(text.substr(0, end));
    out.newline = end != std::string_view::npos;
    text.remove_prefix(out.newline ? end + 1 : text.size());
  }
  out.rest = text;
  return out;
}

}  // namespace kvmtest::judge
