#pragma once
// The results that a test told apart itself, for people to read. Pure; any thread.

#include <string>
#include <vector>

#include "core/verdict.h"

namespace kvmtest::report {

/// How many there are of each result: "3 ok, 1 not ok".
std::string point_counts(const std::vector<core::Point>& points);

/// "not ok 3 - a description", "skip 4 - another: why", made harmless, without an end of line.
std::string point_text(const core::Point& point);

/// Those worth a person's time: all of a few, of more those that are not ok, and not too many of these.
struct ShownPoints {
  std::vector<const core::Point*> points;  ///< into what was given
  std::string left_out{};                  ///< "200 ok, 1 not ok"; empty: nothing
};
ShownPoints shown_points(const std::vector<core::Point>& points);

/// The same as lines, each ended by \n.
std::string points_text(const std::vector<core::Point>& points);

}  // namespace kvmtest::report
