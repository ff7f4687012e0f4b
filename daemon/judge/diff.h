#pragma once
// The difference of two sequences, and unified diffs. Pure; any thread.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "judge/effort.h"

namespace kvmtest::judge {

/// Index pairs (a, b) of elements that stay, rising in both: a longest common subsequence where that is affordable
/// (after Myers, "An O(ND) Difference Algorithm and Its Variations", 1986), else only the common head and tail. Those
/// take at most one comparison for each element; the rest is refining. `same(i, j)` may be any relation, patterns
/// included, and spends what it takes of `effort`.
std::vector<std::pair<std::size_t, std::size_t>> common(std::size_t a_size, std::size_t b_size,
                                                        const std::function<bool(std::size_t, std::size_t)>& same,
                                                        Effort& effort);

/// A unified diff with three lines of context that `patch -p1` applies, labelled a/`path` and b/`path`; empty when the
/// texts are equal. Coarse, and right all the same, when there is no more refining.
std::string unified_diff(std::string_view before, std::string_view after, std::string_view path, Effort& effort);

}  // namespace kvmtest::judge
