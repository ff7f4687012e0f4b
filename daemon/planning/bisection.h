#pragma once
// Finding the test that breaks another one. Pure; any thread.

#include <functional>
#include <string>
#include <vector>

namespace kvmtest::planning {

/// The fewest of `candidates`, in their order, of which `breaks` is known to hold by halving: one, or several that
/// break only together. It is known to hold of all of them; it is asked at most twice for each halving.
std::vector<std::string> bisect(std::vector<std::string> candidates,
                                const std::function<bool(const std::vector<std::string>&)>& breaks);

}  // namespace kvmtest::planning
