#pragma once
// Which groups stand still (docs/adr/0036-freezing.md). When the groups of running tests want more processors than
// there are for them, some of them stand still, whole, and take turns; for a guest that stands still no time passes,
// and for one that is starved it does. A group that sleeps wants nothing and is left alone.
//
// Invariants, checked by testing/scenarios:
//  - some group runs, whatever is measured
//  - a group that may not stand still does not
//  - of those that want a processor, the one that waited the longest for its turn is the next to have one, and a turn
//    has an end while others wait: nobody stands still for ever

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/ids.h"
#include "core/load.h"
#include "core/model.h"
#include "core/time.h"

namespace kvmtest::core {

/// Core thread only.
class Governor {
 public:
  void set(const Sharing& sharing) { sharing_ = sharing; }

  /// A group's test begins; it runs.
  void begin(AttemptId attempt);
  /// Its test has come to its end, or is hurried there: it does not stand still any more, and nothing is told of it.
  void end(AttemptId attempt);

  struct Changes {
    std::vector<AttemptId> freeze;
    std::vector<AttemptId> thaw;
  };
  /// Who is to stand still from now on, and who is to go on. `boots`: domains that are started now.
  Changes measured(const Load& load, unsigned boots, Instant now);

  [[nodiscard]] bool frozen(AttemptId attempt) const;

 private:
  struct Group {
    bool exempt = true;  ///< until the contrary is known
    bool frozen = false;
    bool measured = false;
    double last = 1;                ///< processors that it wanted when it was last measured
    double wants = 1;               ///< what is reserved for it: as much, or what is left of what it wanted before
    std::optional<Instant> turn{};  ///< since then it has its turn
    std::uint64_t place = 0;        ///< in the line of those that wait for one
  };
  [[nodiscard]] bool left_alone(const Group& group) const;
  void take_in(const Load& load);
  [[nodiscard]] std::vector<AttemptId> in_order(Instant now);
  [[nodiscard]] double room(const Load& load, unsigned boots) const;

  Sharing sharing_;
  std::map<AttemptId, Group> groups_;
  std::uint64_t last_place_ = 0;
};

}  // namespace kvmtest::core
