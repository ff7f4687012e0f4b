#include "report/points.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "report/text.h"

namespace kvmtest::report {
namespace {

constexpr std::size_t few = 50;
constexpr std::size_t most = 1000;
constexpr std::size_t detail_lines = 20;  ///< of one point, of its details and of its notes

class Tally {
 public:
  void add(const core::Point& point) {
    for (std::size_t i = 0; i < results.size(); ++i)
      if (point.result == results[i]) ++counts_[i];
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (std::size_t i = 0; i < results.size(); ++i)
      if (counts_[i] > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", counts_[i], results[i]);
    return out;
  }

 private:
  static constexpr std::array results{"ok", "not ok", "timeout", "error", "missing", "xpass", "xfail", "todo", "skip"};
  std::array<std::size_t, results.size()> counts_{};
};

std::string indent(const core::Point& point) { return std::string(2 * std::size_t{point.level}, ' '); }

/// The first lines of `text`, made harmless, each behind `before`.
std::string indented_lines(std::string_view text, const std::string& before) {
  std::string out;
  for (std::size_t line = 0; !text.empty(); ++line) {
    if (line == detail_lines) return out + before + "...\n";
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += before + escaped_lines(text.substr(0, end)) + '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

std::string point_counts(const std::vector<core::Point>& points) {
  Tally tally;
  for (const core::Point& point : points) tally.add(point);
  return tally.text();
}

bool is_bad(const core::Point& point) {
  return point.result == "not ok" || point.result == "timeout" || point.result == "error" || point.result == "missing";
}

std::string point_text(const core::Point& point) {
  std::string out = fmt::format("{} {}", point.result, point.number);
  if (!point.description.empty()) out += " - " + point.description;
  if (!point.reason.empty()) out += ": " + point.reason;
  return indent(point) + escaped(out);
}

std::string point_details(const core::Point& point) {
  if (point.result == "ok" || point.result == "skip") return "";
  return indented_lines(point.details, indent(point) + "    ") + indented_lines(point.notes, indent(point) + "    # ");
}

ShownPoints shown_points(const std::vector<core::Point>& points) {
  const bool all = points.size() <= few;
  std::vector<bool> chosen(points.size(), all);
  std::size_t count = 0;
  std::vector<std::size_t> way;  // from the test's own point down to this one
  for (std::size_t i = 0; i < points.size() && !all && count < most; ++i) {
    way.resize(std::min<std::size_t>(points[i].level, way.size()));
    way.push_back(i);
    if (points[i].result == "ok") continue;
    ++count;
    for (const std::size_t each : way) chosen[each] = true;
  }
  ShownPoints shown;
  Tally left_out;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (chosen[i])
      shown.points.push_back(&points[i]);
    else
      left_out.add(points[i]);
  }
  shown.left_out = left_out.text();
  return shown;
}

std::string points_text(const std::vector<core::Point>& points) {
  const ShownPoints shown = shown_points(points);
  std::string text;
  for (const core::Point* point : shown.points) text += point_text(*point) + '\n' + point_details(*point);
  if (!shown.left_out.empty()) text += "and " + shown.left_out + '\n';
  return text;
}

std::string bad_points_text(const std::vector<core::Point>& points) {
  std::string text;
  bool any = false;
  for (const core::Point* point : shown_points(points).points) {
    if (!is_bad(*point)) continue;
    const std::string details = point_details(*point);
    any = any || !details.empty();
    text += point_text(*point) + '\n' + details;
  }
  return any ? text : "";
}

}  // namespace kvmtest::report
