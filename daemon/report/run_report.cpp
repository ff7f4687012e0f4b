#include "report/run_report.h"

#include <algorithm>

namespace kvmtest::report {

std::vector<std::size_t> lanes(const std::vector<std::pair<core::WallTime, core::WallTime>>& spans) {
  std::vector<core::WallTime> free_from;
  std::vector<std::size_t> taken;
  for (const auto& [begin, end] : spans) {
    const auto lane = std::find_if(free_from.begin(), free_from.end(), [&](auto time) { return time <= begin; });
    taken.push_back(static_cast<std::size_t>(lane - free_from.begin()));
    if (lane == free_from.end())
      free_from.push_back(end);
    else
      *lane = end;
  }
  return taken;
}

}  // namespace kvmtest::report
