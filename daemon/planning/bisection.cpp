#include "planning/bisection.h"

#include <utility>

namespace kvmtest::planning {

std::vector<std::string> bisect(std::vector<std::string> candidates,
                                const std::function<bool(const std::vector<std::string>&)>& breaks) {
  while (candidates.size() > 1) {
    const auto middle = candidates.begin() + static_cast<std::ptrdiff_t>(candidates.size() / 2);
    std::vector<std::string> first(candidates.begin(), middle);
    std::vector<std::string> second(middle, candidates.end());
    if (breaks(first))
      candidates = std::move(first);
    else if (breaks(second))
      candidates = std::move(second);
    else
      break;
  }
  return candidates;
}

}  // namespace kvmtest::planning
