#pragma once
// The difference of two sequences, and unified diffs. Pure; any thread.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmtest::judge {

/// Index pairs (a, b) of elements that stay, rising in both: a longest common subsequence where that is affordable
/// (after Myers, "An O(ND) Difference Algorithm and Its Variations", 1986), else only the common head and tail.
/// `same(i, j)` may be any relation, patterns included.
std::vector<std::pair<std::size_t, std::size_t>> common(std::size_t a_size, std::size_t b_size,
                                                        const std::function<bool(std::size_t, std::size_t)>& same);

/// A unified diff with three lines of context that `patch -p1` applies, labelled a/`path` and b/`path`; empty when the
/// texts are equal.
std::string unified_diff(std::string_view before, std::string_view after, std::string_view path);

}  // namespace kvmtest::judge
