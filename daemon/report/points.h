#pragma once
// Points, the results that a program told in TAP, as text for people. Pure; any thread.

#include <string>
#include <vector>

#include "core/verdict.h"

namespace kvmtest::report {

/// How many points have each result: "3 ok, 1 not ok".
std::string point_counts(const std::vector<core::Point>& points);

/// Whether the point's own result is a bad one, whatever its subtest says.
bool is_bad(const core::Point& point);

/// "not ok 3 - a description", "skip 4 - another: why", made harmless, without an end of line. Parts of points are
/// indented.
std::string point_text(const core::Point& point);

/// What the test says of a point that is neither ok nor skipped: some lines of its details and notes, made harmless,
/// indented further than the point and each ended by \n.
std::string point_details(const core::Point& point);

/// The points that are worth a person's time. Of few points these are all. Of many they are the first of those that
/// are not ok, with the points that they are parts of.
struct ShownPoints {
  std::vector<const core::Point*> points;  ///< into what was given
  std::string left_out{};                  ///< "200 ok, 1 not ok"; empty: nothing
};
ShownPoints shown_points(const std::vector<core::Point>& points);

/// Such points as lines with their details, each ended by \n.
std::string points_text(const std::vector<core::Point>& points);

/// The bad points with their details, as lines. Empty when no bad point has details.
std::string bad_points_text(const std::vector<core::Point>& points);

}  // namespace kvmtest::report
