#include "suite/tap_document.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "suite/words.h"

namespace kvmtest::suite {
namespace {

constexpr std::size_t errors_kept = 20;                   // of one document
constexpr std::size_t notes_of_one = 8U << 10U;           // bytes
constexpr std::size_t notes_of_all = 4U << 20U;           // bytes
constexpr std::string_view of_kselftest = "selftests: ";  // begins run_kselftest.sh's heading of each of its programs

/// Short, for it stands in the messages of each level around it.
std::string label(const TapPoint& point) {
  constexpr std::size_t longest = 200;
  const std::string words = point.description.substr(0, longest);
  return std::to_string(point.number) + (words.empty() ? "" : " - " + words);
}

/// Whether a point speaks for all of its subtest: what is wrong within is known, or of no interest.
bool speaks_for_all(const TapPoint& point) { return point.failed() || excuses(point.directive); }

std::string_view without_one_blank(std::string_view text) {
  return text.starts_with(' ') || text.starts_with('\t') ? text.substr(1) : text;
}

/// Whether the comment begins what another program printed, behind any number of "# ".
bool begins_quoted(std::string_view text) {
  while (text.starts_with('#')) text = trimmed(text.substr(1));
  if (text.starts_with(of_kselftest)) return true;
  const auto line = tap_line(text);
  return line && (std::holds_alternative<TapVersionLine>(*line) || std::holds_alternative<TapPlanLine>(*line));
}

}  // namespace

TapDocument::TapDocument(TapTotals& totals, std::size_t indent, unsigned level, bool before)
    : totals_(totals), indent_(indent), level_(level), before_(before) {}

TapDocument::~TapDocument() = default;

void TapDocument::on(const TapVersionLine& line) {
  any_ = true;
  kernel_ = line.kernel;
  before_ = before_ || line.kernel;
}

void TapDocument::on(const TapPlanLine& line) {
  any_ = true;
  if (own_.planned) return error("a second plan: 1.." + std::to_string(line.count));
  own_.planned = line.count;
  numbers_.plan_last = !own_.points.empty();
  if (line.count == 0) own_.skipped = line.reason;
}

void TapDocument::on(const TapPragmaLine& line) {
  any_ = true;
  if (line.key == "strict") strict_ = line.on;
}

void TapDocument::on(TapPointLine line) {
  any_ = true;
  end_quoted(true);
  if (totals_.points == Tap::most_points) {
    if (!totals_.too_many) error("more than " + std::to_string(Tap::most_points) + " points");
    totals_.too_many = true;
    return;
  }
  ++totals_.points;
  if (numbers_.plan_last && !std::exchange(numbers_.more_after_plan, true))
    error("the plan stands in the middle: points came before and after it");
  const unsigned number = line.number.value_or(numbers_.last + 1);
  numbers_.last = number;
  if (!numbers_.seen.insert(number).second) error("point " + std::to_string(number) + " came twice");
  TapNode node;
  node.point.number = number;
  node.point.ok = line.ok;
  node.point.directive = line.directive;
  node.point.description = std::move(line.description);
  node.point.reason = std::move(line.reason);
  node.point.notes = std::exchange(next_.notes, {});
  take_subtest(node);
  own_.points.push_back(std::move(node));
  printed_ = false;
}

/// Gives the point the subtest that ended before it.
void TapDocument::take_subtest(TapNode& node) {
  TapOutcome subtest = std::exchange(next_.subtest, {});
  next_.subtest_name.clear();
  node.subtest = std::move(subtest.points);
  if (node.point.reason.empty() && subtest.skipped && node.point.directive == TapDirective::skip)
    node.point.reason = *subtest.skipped;
  for (const std::string& reason : subtest.bailed_out) own_.bailed_out.push_back(label(node.point) + ": " + reason);
  if (speaks_for_all(node.point)) return;
  for (const std::string& what : subtest.errors) error("in " + label(node.point) + ": " + what);
}

void TapDocument::comment(std::string_view text) {
  if (const auto name = tap_subtest_name(text)) {
    // In KTAP it stands within the subtest.
    (kernel_ && level_ > 0 && own_.points.empty() ? own_.name : next_.subtest_name) = *name;
    return;
  }
  const std::string_view content = without_one_blank(text.substr(1));
  if (content.starts_with("(in test file ")) printed_ = !own_.points.empty();
  const bool heading = content.starts_with(of_kselftest);
  before_ = before_ || heading;
  if (!printed_ && quotes(content)) return;
  if (heading || content.starts_with("Totals: ")) return;
  if (before_)
    add_note(next_.notes, content);
  else if (!own_.points.empty() && !numbers_.plan_last)
    add_note(own_.points.back().point.notes, content);
}

/// Reads what stands behind "# " as another program's output, from a version, a plan or a kselftest's heading on.
bool TapDocument::quotes(std::string_view text) {
  if (!quoted_) {
    if (level_ + 1 >= Tap::deepest || !begins_quoted(text)) return false;
    quoted_ = std::make_unique<TapStream>(totals_, level_ + 1, true);
  }
  return quoted_->read(text);
}

void TapDocument::end_quoted(bool complete) {
  if (!quoted_) return;
  TapOutcome outcome = quoted_->close(complete);
  quoted_.reset();
  receive(std::move(outcome));
}

void TapDocument::add_note(std::string& notes, std::string_view text) {
  if (trimmed(text).empty() || notes.size() >= notes_of_one || totals_.notes >= notes_of_all) return;
  const std::size_t before = notes.size();
  notes += text;
  notes += '\n';
  if (notes.size() > notes_of_one) notes.resize(notes_of_one);
  totals_.notes += notes.size() - before;
}

void TapDocument::details(const std::string& text) {
  if (!own_.points.empty() && own_.points.back().point.details.empty()) {
    std::string& kept = own_.points.back().point.details;
    add_note(kept, text);
    while (kept.ends_with("\n\n")) kept.pop_back();
  }
}

void TapDocument::error(std::string what) {
  if (own_.errors.size() < errors_kept) own_.errors.push_back(std::move(what));
}

void TapDocument::receive(TapOutcome outcome) {
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::move_iterator(from.begin()), std::move_iterator(from.end()));
  };
  append(next_.subtest.points, outcome.points);
  append(next_.subtest.errors, outcome.errors);
  append(next_.subtest.bailed_out, outcome.bailed_out);
  if (outcome.skipped) next_.subtest.skipped = std::move(outcome.skipped);
  if (!outcome.name.empty()) next_.subtest.name = std::move(outcome.name);
}

void TapDocument::bail_out(const std::string& reason) {
  any_ = true;
  own_.bailed_out.push_back(reason.empty() ? "bailed out" : reason);
}

TapOutcome TapDocument::close(bool complete) {
  end_quoted(complete);
  if (!any_ && level_ > 0) return std::exchange(next_.subtest, {});
  if (!next_.subtest.points.empty() || !next_.subtest.bailed_out.empty()) stand_in(complete);
  if (complete) check_plan();
  if (!own_.points.empty()) own_.skipped.reset();
  return std::move(own_);
}

/// Adds what stands for the point that the last subtest should have come to.
void TapDocument::stand_in(bool complete) {
  TapNode node;
  node.point.number = numbers_.last + 1;
  node.point.missing = true;
  node.point.description = next_.subtest_name.empty() ? next_.subtest.name : next_.subtest_name;
  const std::string name = node.point.description;
  TapOutcome subtest = std::exchange(next_.subtest, {});
  node.subtest = std::move(subtest.points);
  for (const std::string& reason : subtest.bailed_out)
    own_.bailed_out.push_back((name.empty() ? "" : name + ": ") + reason);
  if (complete) error("a subtest came to no point of its own" + (name.empty() ? "" : ": " + name));
  own_.points.push_back(std::move(node));
}

void TapDocument::check_plan() {
  if (totals_.too_many) return;
  if (!own_.planned) {
    if (!kernel_) error("there is no plan (1..N): the output may have been cut off");
    return;
  }
  if (numbers_.seen.contains(0)) error("point 0 is outside the plan of " + std::to_string(*own_.planned));
  if (!numbers_.seen.empty() && *numbers_.seen.rbegin() > *own_.planned)
    error("point " + std::to_string(*numbers_.seen.rbegin()) + " is beyond the plan of " +
          std::to_string(*own_.planned));
  if (numbers_.seen.size() >= *own_.planned) return;
  unsigned missing = 1;
  while (numbers_.seen.contains(missing)) ++missing;
  error("planned " + std::to_string(*own_.planned) + " points, but " + std::to_string(numbers_.seen.size()) +
        " came; the first that is missing is " + std::to_string(missing));
}

}  // namespace kvmtest::suite
