#pragma once
// The results that a test told apart itself, for people to read. Pure; any thread.

#include <string>
#include <vector>

#include "core/verdict.h"

namespace kvmtest::report {

/// How many there are of each result: "3 ok, 1 not ok".
std::string point_counts(const std::vector<core::Point>& points);

/// Whether its result is a bad one, by itself.
bool is_bad(const core::Point& point);

/// "not ok 3 - a description", "skip 4 - another: why", made harmless, without an end of line. Parts of points are
/// indented.
std::string point_text(const core::Point& point);

/// What the test says of a point that is neither ok nor skipped: some lines of its details and notes, made harmless,
/// indented further than the point and each ended by \n.
std::string point_details(const core::Point& point);

/// Those worth a person's time: all of a few, of more those that are not ok with the points they are parts of, and not
/// too many of these.
struct ShownPoints {
  std::vector<const core::Point*> points;  ///< into what was given
  std::string left_out{};                  ///< "200 ok, 1 not ok"; empty: nothing
};
ShownPoints shown_points(const std::vector<core::Point>& points);

/// The same as lines with their details, each ended by \n.
std::string points_text(const std::vector<core::Point>& points);

/// The bad ones with their details, as lines; empty when no bad one has any.
std::string bad_points_text(const std::vector<core::Point>& points);

}  // namespace kvmtest::report
