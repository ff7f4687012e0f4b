#include "report/points.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>

#include "report/text.h"

namespace kvmtest::report {
namespace {

constexpr std::size_t few = 50;
constexpr std::size_t most = 1000;

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
  static constexpr std::array results{"ok", "not ok", "skip", "todo"};
  std::array<std::size_t, results.size()> counts_{};
};

}  // namespace

std::string point_counts(const std::vector<core::Point>& points) {
  Tally tally;
  for (const core::Point& point : points) tally.add(point);
  return tally.text();
}

std::string point_text(const core::Point& point) {
  std::string out = fmt::format("{} {}", point.result, point.number);
  if (!point.description.empty()) out += " - " + point.description;
  if (!point.reason.empty()) out += ": " + point.reason;
  return escaped(out);
}

ShownPoints shown_points(const std::vector<core::Point>& points) {
  ShownPoints shown;
  Tally left_out;
  for (const core::Point& point : points) {
    if ((points.size() <= few || point.result != "ok") && shown.points.size() < most)
      shown.points.push_back(&point);
    else
      left_out.add(point);
  }
  shown.left_out = left_out.text();
  return shown;
}

std::string points_text(const std::vector<core::Point>& points) {
  const ShownPoints shown = shown_points(points);
  std::string text;
  for (const core::Point* point : shown.points) text += point_text(*point) + '\n';
  if (!shown.left_out.empty()) text += "and " + shown.left_out + '\n';
  return text;
}

}  // namespace kvmtest::report
