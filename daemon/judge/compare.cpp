#include <re2/re2.h>

#include <algorithm>

#include "judge/diff.h"
#include "judge/expected.h"

namespace kvmtest::judge {

namespace {

// The length of the character that `text` begins with: UTF-8 where it is, else one byte.
std::size_t character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (size > text.size()) return 1;
  for (std::size_t i = 1; i < size; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 1;
  }
  return size;
}

// Backtracks to the last star alone, which is enough: an earlier star cannot help where a later one failed.
bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      resume = t;
      continue;
    }
    if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t += character(text.substr(t));
      continue;
    }
    const std::size_t escaped = p + 1 < pattern.size() && pattern[p] == '\\' ? 1 : 0;
    if (p < pattern.size() && pattern[p + escaped] == text[t]) {
      p += escaped + 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// Any white space there is, including what UTF-8 text may not show.
std::string without_blanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\v' && c != '\f') out += c;
  }
  return out;
}

// An expected line made ready to match many actual ones.
class Matcher {
 public:
  explicit Matcher(const ExpectedLine& line) : line_(line) {
    if (line.match == Match::esc) unescaped_ = unescape(line.body());
    if (line.match == Match::re) {
      // Lines may hold any bytes, but patterns are UTF-8; "." then does not match what is not UTF-8.
      re_ = std::make_unique<RE2>(re2::StringPiece(line.body().data(), line.body().size()), RE2::Quiet);
    }
  }

  [[nodiscard]] bool matches(std::string_view actual, bool newline) const {
    return line_.newline == newline && matches_body(actual);
  }

  [[nodiscard]] bool matches_without_blanks(std::string_view actual, const std::string& stripped) const {
    switch (line_.match) {
      case Match::literal: return without_blanks(line_.body()) == stripped;
      case Match::esc: return without_blanks(unescaped_) == stripped;
      case Match::glob: return glob(without_blanks(line_.body()), stripped);
      case Match::re: return matches_body(actual);
    }
    return false;
  }

  [[nodiscard]] bool blank() const {
    return (line_.match == Match::literal && without_blanks(line_.body()).empty()) ||
           (line_.match == Match::esc && without_blanks(unescaped_).empty());
  }

 private:
  [[nodiscard]] bool matches_body(std::string_view actual) const {
    switch (line_.match) {
      case Match::literal: return line_.body() == actual;
      case Match::esc: return unescaped_ == actual;
      case Match::glob: return glob(line_.body(), actual);
      case Match::re: return RE2::FullMatch(re2::StringPiece(actual.data(), actual.size()), *re_);
    }
    return false;
  }

  const ExpectedLine& line_;
  std::string unescaped_;
  std::unique_ptr<RE2> re_;
};

bool equal_without_blanks(const std::vector<Matcher>& expected, const Lines& actual) {
  std::size_t at = 0;
  for (const std::string_view line : actual.lines) {
    const std::string stripped = without_blanks(line);
    if (stripped.empty()) continue;
    while (at < expected.size() && expected[at].blank()) ++at;
    if (at == expected.size() || !expected[at].matches_without_blanks(line, stripped)) return false;
    ++at;
  }
  return std::all_of(expected.begin() + static_cast<std::ptrdiff_t>(at), expected.end(),
                     [](const Matcher& matcher) { return matcher.blank(); });
}

}  // namespace

Alignment compare(const std::vector<ExpectedLine>& expected, std::string_view output) {
  const Lines actual = split_lines(output);
  const std::vector<Matcher> matchers(expected.begin(), expected.end());
  const auto same = [&](std::size_t i, std::size_t j) {
    return matchers[i].matches(actual.lines[j], j + 1 < actual.lines.size() || actual.newline);
  };
  Alignment alignment;
  alignment.pairs = common(expected.size(), actual.lines.size(), same);
  alignment.equal = alignment.pairs.size() == expected.size() && alignment.pairs.size() == actual.lines.size();
  alignment.whitespace_only = !alignment.equal && equal_without_blanks(matchers, actual);
  return alignment;
}

}  // namespace kvmtest::judge
