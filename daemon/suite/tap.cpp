#include "suite/tap.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "suite/words.h"

namespace kvmtest::suite {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::size_t errors_shown = 20;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool starts_with_word(std::string_view text, std::string_view word) {
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

/// Where an unescaped " #" begins the directive; npos without one.
std::size_t directive_at(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '#' && (i == 0 || blanks.find(text[i - 1]) != std::string_view::npos))
      return i;
  }
  return std::string_view::npos;
}

/// The directive that `text`, behind a '#', names; its reason stays in `text`.
TapPoint::Directive take_directive(std::string_view& text) {
  text = trimmed(text);
  const bool skip = starts_with_word(text, "skip");
  if (!skip && !starts_with_word(text, "todo")) return TapPoint::Directive::none;
  text = trimmed(text.substr(std::min(text.find_first_of(blanks), text.size())));
  return skip ? TapPoint::Directive::skip : TapPoint::Directive::todo;
}

struct Plan {
  unsigned count = 0;
  std::string_view reason;
};

std::optional<Plan> plan_of(std::string_view line) {
  if (!line.starts_with("1..")) return std::nullopt;
  line.remove_prefix(3);
  const auto count = take_number(line);
  if (!count) return std::nullopt;
  line = trimmed(line);
  if (!line.empty() && line.front() != '#') return std::nullopt;
  Plan plan{*count, {}};
  if (line.empty()) return plan;
  plan.reason = line.substr(1);
  take_directive(plan.reason);
  return plan;
}

/// "ok 3 - text # SKIP why". A point without a number has number 0.
std::optional<TapPoint> point_of(std::string_view line) {
  TapPoint point;
  point.ok = !line.starts_with("not ");
  if (!point.ok) line = trimmed(line.substr(4));
  if (!line.starts_with("ok")) return std::nullopt;
  line.remove_prefix(2);
  if (!line.empty() && blanks.find(line.front()) == std::string_view::npos) return std::nullopt;
  line = trimmed(line);
  std::string_view rest = line;
  if (const auto number = take_number(rest); number && (rest.empty() || blanks.find(rest.front()) != rest.npos)) {
    point.number = *number;
    line = trimmed(rest);
  }
  if (const std::size_t hash = directive_at(line); hash != std::string_view::npos) {
    std::string_view reason = line.substr(hash + 1);
    point.directive = take_directive(reason);
    if (point.directive != TapPoint::Directive::none) {
      point.reason = reason;
      line = trimmed(line.substr(0, hash));
    }
  }
  if (line.starts_with("- ") || line == "-") line = trimmed(line.substr(1));
  point.description = line;
  return point;
}

class Parser {
 public:
  Tap parse(std::string_view output) {
    while (!output.empty() && !tap_.bailed_out) read(take_line(output));
    if (!tap_.bailed_out) check_plan();
    return std::move(tap_);
  }

 private:
  void read(std::string_view line) {
    if (const auto plan = plan_of(line)) {
      if (tap_.planned) return fail("a second plan: " + std::string(line.substr(0, 40)));
      tap_.planned = plan->count;
      if (plan->count == 0) tap_.skipped = std::string(plan->reason);
    } else if (auto point = point_of(line)) {
      add(std::move(*point));
    } else if (line.starts_with('#')) {
      if (!tap_.points.empty() && tap_.points.back().diagnostic.empty())
        tap_.points.back().diagnostic = trimmed(line.substr(1));
    } else if (starts_with_word(line, "bail out!")) {
      tap_.bailed_out = std::string(trimmed(line.substr(9)));
    }
  }

  void add(TapPoint point) {
    if (tap_.points.size() == Tap::most_points) {
      if (!too_many_) fail("more than " + std::to_string(Tap::most_points) + " points");
      too_many_ = true;
      return;
    }
    if (point.number == 0) point.number = last_ + 1;
    last_ = point.number;
    if (!seen_.insert(point.number).second) fail("point " + std::to_string(point.number) + " came twice");
    tap_.points.push_back(std::move(point));
  }

  void check_plan() {
    if (too_many_) return;
    if (!tap_.planned) return fail("there is no plan (1..N): the output may have been cut off");
    const unsigned planned = *tap_.planned;
    if (!seen_.empty() && *seen_.rbegin() > planned)
      fail("point " + std::to_string(*seen_.rbegin()) + " is beyond the plan of " + std::to_string(planned));
    if (seen_.size() >= planned) return;
    unsigned missing = 1;
    while (seen_.contains(missing)) ++missing;
    fail("planned " + std::to_string(planned) + " points, but " + std::to_string(seen_.size()) +
         " came; the first that is missing is " + std::to_string(missing));
  }

  void fail(std::string what) {
    if (tap_.errors.size() < errors_shown) tap_.errors.push_back(std::move(what));
  }

  Tap tap_;
  std::set<unsigned> seen_;
  unsigned last_ = 0;
  bool too_many_ = false;
};

}  // namespace

bool looks_like_tap(std::string_view output) {
  bool first = true;
  while (!output.empty()) {
    const std::string_view line = take_line(output);
    if (plan_of(line)) return true;
    if (trimmed(line).empty() || line.starts_with('#')) continue;
    if (!std::exchange(first, false)) continue;
    const auto point = point_of(line);
    if (starts_with_word(line, "TAP version ") || (point && point->number != 0)) return true;
  }
  return false;
}

Tap parse_tap(std::string_view output) { return Parser().parse(output); }

}  // namespace kvmtest::suite
