#include "core/governor.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace kvmtest::core {

namespace {

/// A group that wants less is asleep. To let it stand still would free nothing.
constexpr double asleep = 0.1;
/// What is left of the processors and is not worth another group: with it all would be starved.
constexpr double crumb = 0.25;
/// Of the processors, what groups may want together: to leave one idle costs more than to be starved for a moment.
constexpr double most = 1.5;
/// So much of what it wants, a group whose need fell still counts for. It may have been between two commands.
constexpr double memory = 0.5;

}  // namespace

void Governor::begin(AttemptId attempt) { groups_.emplace(attempt, Group{.place = ++last_place_}); }

void Governor::end(AttemptId attempt) { groups_.erase(attempt); }

bool Governor::frozen(AttemptId attempt) const {
  const auto found = groups_.find(attempt);
  return found != groups_.end() && found->second.frozen;
}

/// Processors for groups: what others leave, but no less than this daemon's share, without what boots take.
double Governor::room(const Load& load, unsigned boots) const {
  const double foreign = std::max(0.0, load.foreign - boots);
  return std::max(load.processors - foreign, load.processors * sharing_.share) - boots;
}

/// It has a processor whenever it wants one, or wants none.
bool Governor::left_alone(const Group& group) const {
  return !sharing_.freezing || group.exempt || (!group.frozen && group.last < asleep);
}

void Governor::take_in(const Load& load) {
  for (const GroupLoad& each : load.groups) {
    const auto found = groups_.find(each.attempt);
    if (found == groups_.end()) continue;
    Group& group = found->second;
    group.exempt = each.exempt;
    if (group.frozen) continue;
    group.last = load.wanted_by(each);
    const double before = std::exchange(group.measured, true) ? group.wants : group.last;
    group.wants = std::max(group.last, memory * before + (1 - memory) * group.last);
  }
}

/// Those that are left alone, then those that have a turn, then those that wait for one, as they stand in line. Who has
/// had a turn goes to its end, and so does who wants none; a moment's rest does not cost it.
std::vector<AttemptId> Governor::in_order(Instant now) {
  std::vector<std::tuple<int, std::uint64_t, AttemptId>> order;
  const auto over = [&](const Group& group) { return group.turn && now - *group.turn >= sharing_.slice; };
  for (const auto& [attempt, group] : groups_)
    order.emplace_back(left_alone(group) ? 0 : !group.turn ? 2 : over(group) ? 3 : 1, group.place, attempt);
  std::sort(order.begin(), order.end());
  std::vector<AttemptId> attempts;
  for (const auto& [rank, place, attempt] : order) {
    attempts.push_back(attempt);
    Group& group = groups_.at(attempt);
    if (!over(group) && (rank != 0 || group.wants >= asleep)) continue;
    group.turn.reset();
    group.place = ++last_place_;
  }
  return attempts;
}

Governor::Changes Governor::measured(const Load& load, unsigned boots, Instant now) {
  take_in(load);
  Changes changes;
  const double room = this->room(load, boots);
  double taken = 0;
  bool any = false;      // of those that may stand still and want a processor
  bool blocked = false;  // who is next in line waits for more room, and nobody goes before it
  for (const AttemptId attempt : in_order(now)) {
    Group& group = groups_.at(attempt);
    const bool alone = left_alone(group);
    const bool fits = taken < room - crumb && taken + group.wants <= most * room;
    const bool runs = alone || group.turn || !any || (fits && !blocked);
    blocked = blocked || !runs;
    if (runs) taken += group.wants;
    any = any || (runs && !alone);
    if (runs && !alone && !group.turn) group.turn = now;
    if (runs == group.frozen) (runs ? changes.thaw : changes.freeze).push_back(attempt);
    group.frozen = !runs;
  }
  return changes;
}

}  // namespace kvmtest::core
