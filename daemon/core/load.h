#pragma once
// What groups want of this machine's processors, as it was measured: plain data. A group is the domains of one attempt.

#include <algorithm>
#include <vector>

#include "core/ids.h"
#include "core/time.h"

namespace kvmtest::core {

/// What a group had of the processors since the last measurement, all its domains together.
struct GroupLoad {
  AttemptId attempt;
  Duration used{};
  Duration starved{};   ///< that it wanted and did not have
  bool exempt = false;  ///< it may not stand still now
};

/// What was measured of all groups that run, since the last measurement.
struct Load {
  Duration interval{};
  double processors = 1;  ///< of this machine
  double foreign = 0;     ///< of them, what others used who are none of this daemon's
  double idle = 0;        ///< of them, what nobody used
  double average = 0;     ///< processes that ran or wanted to in the last minute (getloadavg(3))
  std::vector<GroupLoad> groups;

  /// How many processors the group would have used, had there been enough.
  [[nodiscard]] double wanted_by(const GroupLoad& group) const {
    return interval.count() > 0 ? seconds(group.used + group.starved) / seconds(interval) : 0;
  }
};

}  // namespace kvmtest::core
