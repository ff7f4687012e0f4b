#include "suite/tap.h"

#include <algorithm>
#include <array>
#include <utility>

#include "suite/tap_document.h"
#include "suite/tap_line.h"
#include "suite/words.h"

namespace kvmtest::suite {
namespace {

/// Parents before their subtests'. Returns whether a point among them failed.
bool flatten(std::vector<TapNode>&& nodes, unsigned level, bool excused, std::vector<TapPoint>& out) {
  bool failed = false;
  for (TapNode& node : nodes) {
    const std::size_t at = out.size();
    TapPoint& point = node.point;
    point.level = level;
    point.excused = excused;
    const bool excused_within = excused || excuses(point.directive);
    out.push_back(std::move(point));
    const bool explained = flatten(std::move(node.subtest), level + 1, excused_within, out);
    out[at].explained = explained;
    failed = failed || out[at].explained || out[at].failed();
  }
  return failed;
}

/// What a line of YAML says behind `key`, without quotes.
std::string value_of(std::string_view line, std::string_view key, std::string_view after) {
  std::string_view value = trimmed(line.substr(key.size()));
  if (value.starts_with('|') || value.starts_with('>')) value = trimmed(take_line(after));
  if (value.size() >= 2 && (value.front() == '\'' || value.front() == '"') && value.back() == value.front())
    value = value.substr(1, value.size() - 2);
  return std::string(value);
}

/// What the kernel's runner and its harness say before each test, whatever comes of it.
constexpr std::array<std::string_view, 3> headings{"selftests: ", "timeout set to ", "RUN "};

}  // namespace

bool TapPoint::failed() const {
  using enum TapDirective;
  if (missing || excused) return false;
  if (directive == timeout || directive == error) return true;
  return !ok && (directive == none || directive == xpass);
}

std::string TapPoint::diagnosis() const {
  std::string_view lines = details;
  while (!lines.empty()) {
    const std::string_view line = take_line(lines);
    for (const std::string_view key : {"message:", "error:"})
      if (line.starts_with(key)) return value_of(line, key, lines);
  }
  for (lines = notes; !lines.empty();) {
    const std::string_view line = trimmed(take_line(lines));
    const auto begins = [&](std::string_view words) { return line.starts_with(words); };
    if (!line.empty() && std::none_of(headings.begin(), headings.end(), begins)) return std::string(line);
  }
  return {};
}

bool looks_like_tap(std::string_view output) {
  const std::string text = tap_text(output);
  std::string_view lines = text;
  while (!lines.empty()) {
    const std::string_view line = take_line(lines);
    const std::string_view bare = trimmed(line);
    const auto meaning = tap_line(bare);
    if (!meaning) continue;
    const bool indented = bare.data() != line.data();
    if (std::holds_alternative<TapVersionLine>(*meaning)) return true;
    if (std::holds_alternative<TapPlanLine>(*meaning) && !indented) return true;
    const auto* point = std::get_if<TapPointLine>(&*meaning);
    if (point == nullptr) continue;
    // "ok" and "ok 3 files" are any program's words; "ok 1 …", "ok 3", "ok - …" are not, and no "not ok" is.
    const bool says = point->number ? *point->number == 1 || bare.find_first_not_of("0123456789 \tok") == bare.npos ||
                                          point->directive != TapDirective::none
                                    : bare.starts_with("ok - ");
    if (indented ? !point->ok && point->number.has_value() : !point->ok || says) return true;
  }
  return false;
}

Tap parse_tap(std::string_view output) {
  const std::string text = tap_text(output);
  TapTotals totals;
  TapStream stream(totals, 0, false);
  std::string_view lines = text;
  while (!lines.empty() && !totals.bailed_out) stream.read(take_line(lines));
  TapOutcome outcome = stream.close(true);
  Tap tap;
  tap.planned = outcome.planned;
  tap.skipped = std::move(outcome.skipped);
  tap.bailed_out = std::move(totals.bailed_out);
  tap.bailed_out_within = std::move(outcome.bailed_out);
  tap.errors = std::move(outcome.errors);
  flatten(std::move(outcome.points), 0, false, tap.points);
  return tap;
}

}  // namespace kvmtest::suite
