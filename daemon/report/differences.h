#pragma once
// What was expected and what came instead, out of a unified diff, as people read it. Made harmless. Pure; any thread.

#include <cstddef>
#include <string>
#include <string_view>

#include "report/text.h"

namespace kvmtest::report {

/// The first of the lines that differ, `indent` columns in, each ending in \n: at most `most`, the line before them
/// included; then how many more there are. Empty when `diff` has none.
std::string first_differences(std::string_view diff, std::size_t most, std::size_t indent, const Options& options);

/// The whole diff, in git's colors.
std::string whole_diff(std::string_view diff, const Options& options);

}  // namespace kvmtest::report
