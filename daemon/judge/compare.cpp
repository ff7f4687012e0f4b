#include <re2/re2.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "judge/diff.h"
#include "judge/expected.h"
#include "judge/glob.h"

namespace kvmtest::judge {

namespace {

// Any white space there is, including what UTF-8 text may not show.
std::string without_blanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\v' && c != '\f') out += c;
  }
  return out;
}

// Steps of a comparison whatever the lines are, and of a byte that an automaton of RE2 takes.
constexpr std::size_t one_comparison = 4;
constexpr std::size_t re_byte = 4;

std::unique_ptr<RE2> compiled(std::string_view pattern) {
  // What a pattern may keep of the texts it has seen: there may be many patterns. Few are too large for so little.
  constexpr std::int64_t memory = 1 << 20;
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(memory);
  const re2::StringPiece text(pattern.data(), pattern.size());
  // Lines may hold any bytes, but patterns are UTF-8; "." then does not match what is not UTF-8.
  auto re = std::make_unique<RE2>(text, options);
  return re->ok() ? std::move(re) : std::make_unique<RE2>(text, RE2::Quiet);
}

// An expected line made ready to match many actual ones.
class Matcher {
 public:
  explicit Matcher(const ExpectedLine& line) : line_(line) {
    if (line.match == Match::esc) unescaped_ = unescape(line.body());
    if (line.match == Match::re) re_ = compiled(line.body());
    if (line.match == Match::glob) glob_ = std::make_unique<Glob>(line.body());
  }

  [[nodiscard]] bool matches(std::string_view actual, bool newline, Effort& effort) const {
    effort.spend(one_comparison);
    return line_.newline == newline && matches_body(actual, effort);
  }

  [[nodiscard]] bool matches_without_blanks(std::string_view actual, const std::string& stripped,
                                            Effort& effort) const {
    switch (line_.match) {
      case Match::literal: return without_blanks(line_.body()) == stripped;
      case Match::esc: return without_blanks(unescaped_) == stripped;
      case Match::glob: return Glob(without_blanks(line_.body())).matches(stripped, effort);
      case Match::re: return matches_body(actual, effort);
    }
    return false;
  }

  [[nodiscard]] bool blank() const {
    return (line_.match == Match::literal && without_blanks(line_.body()).empty()) ||
           (line_.match == Match::esc && without_blanks(unescaped_).empty());
  }

 private:
  static bool equal(std::string_view a, std::string_view b, Effort& effort) {
    if (a.size() != b.size()) return false;
    effort.spend(a.size());
    return a == b;
  }
  [[nodiscard]] bool matches_body(std::string_view actual, Effort& effort) const {
    switch (line_.match) {
      case Match::literal: return equal(line_.body(), actual, effort);
      case Match::esc: return equal(unescaped_, actual, effort);
      case Match::glob: return glob_->matches(actual, effort);
      case Match::re:
        effort.spend(re_byte * actual.size());
        return RE2::FullMatch(re2::StringPiece(actual.data(), actual.size()), *re_);
    }
    return false;
  }

  const ExpectedLine& line_;
  std::string unescaped_;
  std::unique_ptr<RE2> re_;
  std::unique_ptr<Glob> glob_;
};

bool equal_without_blanks(const std::vector<Matcher>& expected, const Lines& actual, Effort& effort) {
  std::size_t at = 0;
  for (const std::string_view line : actual.lines) {
    const std::string stripped = without_blanks(line);
    effort.spend(line.size() + 1);
    if (stripped.empty()) continue;
    while (at < expected.size() && expected[at].blank()) ++at;
    if (at == expected.size() || !expected[at].matches_without_blanks(line, stripped, effort)) return false;
    ++at;
  }
  return std::all_of(expected.begin() + static_cast<std::ptrdiff_t>(at), expected.end(),
                     [](const Matcher& matcher) { return matcher.blank(); });
}

}  // namespace

Alignment compare(const std::vector<ExpectedLine>& expected, std::string_view output, Effort& effort) {
  const Lines actual = split_lines(output, expected.size() + effort.surplus());
  if (actual.lines.size() > expected.size()) effort.take_surplus(actual.lines.size() - expected.size());
  const std::vector<Matcher> matchers(expected.begin(), expected.end());
  const auto same = [&](std::size_t i, std::size_t j) {
    return matchers[i].matches(actual.lines[j], j + 1 < actual.lines.size() || actual.newline, effort);
  };
  Alignment alignment;
  alignment.pairs = common(expected.size(), actual.lines.size(), same, effort);
  alignment.compared = output.size() - actual.rest.size();
  alignment.equal =
      actual.rest.empty() && alignment.pairs.size() == expected.size() && alignment.pairs.size() == actual.lines.size();
  alignment.whitespace_only = !alignment.equal && actual.rest.empty() && equal_without_blanks(matchers, actual, effort);
  return alignment;
}

}  // namespace kvmtest::judge
