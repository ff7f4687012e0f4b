#include "report/tuning.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <fmt/format.h>

namespace kvmtest::report {
namespace {

/// What the quickest one gains over another that is as good as it.
constexpr double as_good = 1.05;

/// Failures of a hundred tests: the rows may be of different numbers of runs.
double failures(const TuningRow& row) { return row.tests == 0 ? 0 : 100.0 * row.failed / row.tests; }

}  // namespace

std::string wish_text(const std::optional<unsigned>& number) { return number ? std::to_string(*number) : "auto"; }

std::optional<std::size_t> knee(const std::vector<TuningRow>& rows) {
  if (rows.empty()) return std::nullopt;
  const double fewest = failures(*std::min_element(
      rows.begin(), rows.end(), [](const auto& a, const auto& b) { return failures(a) < failures(b); }));
  std::optional<core::Duration> quickest;
  for (const TuningRow& row : rows)
    if (failures(row) <= fewest) quickest = std::min(quickest.value_or(row.makespan), row.makespan);
  const auto effort = [](const TuningRow& row) {
    return std::tuple(row.prefixes.value_or(0), row.workers.value_or(0), row.makespan);
  };
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (failures(rows[i]) > fewest || core::seconds(rows[i].makespan) > as_good * core::seconds(*quickest)) continue;
    if (!best || effort(rows[i]) < effort(rows[*best])) best = i;
  }
  return best;
}

std::string tuning_text(const std::vector<TuningRow>& rows, const Options& options) {
  std::string out = painted(options,
                            fmt::format("{:>8} {:>8} {:>14} {:>7} {:>9} {:>8} {:>9} {:>12}\n", "workers", "prefixes",
                                        "makespan", "failed", "time-outs", "starved", "of time", "stood still"),
                            look::bold);
  const auto best = knee(rows);
  double most = 0;
  for (const TuningRow& row : rows) most = std::max(most, core::seconds(row.makespan));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const TuningRow& row = rows[i];
    const std::string line =
        fmt::format("{:>8} {:>8} {:>14} {:>7} {:>9} {:>8} {:>7.0f} % {:>10.0f} %  ", wish_text(row.workers),
                    wish_text(row.prefixes), duration_text(row.makespan), row.failed, row.timeouts, row.starved,
                    100 * row.starved_share, 100 * row.stood_still);
    const std::string drawn =
        bar(core::seconds(row.makespan), most, std::min<std::size_t>(rest(options, line.size(), 10), 40));
    out += painted(options, line + drawn, best == i ? look::green : row.failed > 0 ? look::red : look::plain) + '\n';
  }
  return out;
}

}  // namespace kvmtest::report
