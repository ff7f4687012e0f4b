#pragma once
// The time that a test's guests had, and what they had of the processors.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "console/guest_time.h"
#include "core/ids.h"
#include "core/model.h"
#include "core/record.h"
#include "engine/context.h"
#include "engine/hypervisor.h"
#include "process/processor_time.h"

namespace kvmtest::engine {

/// Of a group: while any of its domains is starved, no time passes, for the others may wait for that one; nor while it
/// stands still. Any thread.
class GroupClock final : public console::GuestClock {
 public:
  /// `stretch`: how many times longer than by this clock it may take by the one on the wall while the group goes on,
  /// however starved it is.
  GroupClock(Hypervisor& hypervisor, std::vector<core::Domain> domains, unsigned stretch);

  [[nodiscard]] console::GuestTime::time_point now() override;
  void look() override;

  /// The group is about to stand still, or has just gone on. In turns.
  void freeze();
  void thaw();

  /// What the group had, since the clock was made.
  struct Had {
    std::vector<core::record::HostUse> hosts;
    core::Duration frozen{};
  };
  Had had();
  /// Of all its domains together.
  [[nodiscard]] process::ProcessorTime sum();

 private:
  struct Member {
    process::ProcessorReading last{};
    bool known = false;  ///< it was read at least once
    process::ProcessorTime had{};
  };
  using Clock = std::chrono::steady_clock;
  [[nodiscard]] std::chrono::nanoseconds frozen(Clock::time_point at) const REQUIRES(mutex_);
  void look(Clock::time_point at) REQUIRES(mutex_);

  Hypervisor& hypervisor_;
  const unsigned stretch_;
  const Clock::time_point made_ = Clock::now();
  base::Mutex mutex_;
  std::map<core::Domain, Member> members_ GUARDED_BY(mutex_);
  std::chrono::nanoseconds looked_ GUARDED_BY(mutex_){};   ///< since it was made, up to the last look, while it went on
  std::chrono::nanoseconds starved_ GUARDED_BY(mutex_){};  ///< of that
  std::chrono::nanoseconds frozen_ GUARDED_BY(mutex_){};   ///< before `frozen_since_`
  std::optional<Clock::time_point> frozen_since_ GUARDED_BY(mutex_);
};

/// As the settings want it.
std::shared_ptr<GroupClock> clock_of(Context& context, std::vector<core::Domain> domains);

}  // namespace kvmtest::engine
