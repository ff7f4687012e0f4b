#pragma once
// The time that a test's guests had, and what they had of the processors.

#include <chrono>
#include <map>
#include <memory>
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

/// Of a group: while any of its domains is starved, no time passes, for the others may wait for that one. Any thread.
class GroupClock final : public console::GuestClock {
 public:
  /// `stretch`: how many times longer than by this clock it may take by the one on the wall, however starved they are.
  GroupClock(Hypervisor& hypervisor, std::vector<core::Domain> domains, unsigned stretch);

  [[nodiscard]] console::GuestTime::time_point now() override;
  void look() override;
  /// By host, since the clock was made.
  std::vector<core::record::HostUse> use();

 private:
  struct Member {
    process::ProcessorReading last{};
    bool known = false;  ///< it was read at least once
    process::ProcessorTime had{};
  };
  void look(std::chrono::steady_clock::time_point at) REQUIRES(mutex_);

  Hypervisor& hypervisor_;
  const unsigned stretch_;
  const std::chrono::steady_clock::time_point made_ = std::chrono::steady_clock::now();
  base::Mutex mutex_;
  std::map<core::Domain, Member> members_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point looked_ GUARDED_BY(mutex_) = made_;
  std::chrono::nanoseconds starved_ GUARDED_BY(mutex_){};  ///< of what has passed
};

/// As the settings want it.
std::shared_ptr<GroupClock> clock_of(Context& context, std::vector<core::Domain> domains);

}  // namespace kvmtest::engine
