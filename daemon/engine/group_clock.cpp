#include "engine/group_clock.h"

#include <algorithm>
#include <utility>

namespace kvmtest::engine {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

GroupClock::GroupClock(Hypervisor& hypervisor, std::vector<core::Domain> domains, unsigned stretch)
    : hypervisor_(hypervisor), stretch_(std::max(1U, stretch)) {
  const base::Lock lock(mutex_);
  for (core::Domain& domain : domains) {
    Member member;
    member.last = hypervisor_.processors_of(domain);
    member.known = member.last.process != 0;
    members_.emplace(std::move(domain), std::move(member));
  }
}

void GroupClock::look(steady_clock::time_point at) {
  const nanoseconds passed = at - looked_;
  nanoseconds longest{};
  for (auto& [domain, member] : members_) {
    process::ProcessorReading reading = hypervisor_.processors_of(domain);
    if (reading.process == 0) continue;
    const auto time = process::between(member.last, reading);
    member.known = true;
    member.had.used += time.used;
    member.had.starved += std::min(time.starved, passed);
    longest = std::max(longest, time.starved);
    member.last = std::move(reading);
  }
  starved_ += std::min(longest, passed);
  looked_ = at;
}

console::GuestTime::time_point GroupClock::now() {
  const base::Lock lock(mutex_);
  const nanoseconds passed = steady_clock::now() - made_;
  const nanoseconds least = (looked_ - made_) / stretch_ + (passed - (looked_ - made_));
  return console::GuestTime::time_point(made_.time_since_epoch() + std::max(passed - starved_, least));
}

void GroupClock::look() {
  const base::Lock lock(mutex_);
  look(steady_clock::now());
}

std::vector<core::record::HostUse> GroupClock::use() {
  const base::Lock lock(mutex_);
  look(steady_clock::now());
  std::vector<core::record::HostUse> use;
  for (const auto& [domain, member] : members_) {
    if (!member.known) continue;
    use.push_back({domain.host.value, std::chrono::duration_cast<core::Duration>(member.had.used),
                   std::chrono::duration_cast<core::Duration>(member.had.starved)});
  }
  return use;
}

std::shared_ptr<GroupClock> clock_of(Context& context, std::vector<core::Domain> domains) {
  return std::make_shared<GroupClock>(context.hypervisor, std::move(domains), context.config.stretch);
}

}  // namespace kvmtest::engine
