#include "engine/group_clock.h"

#include <algorithm>
#include <utility>

namespace kvmtest::engine {

using std::chrono::nanoseconds;

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

nanoseconds GroupClock::frozen(Clock::time_point at) const {
  return frozen_ + (frozen_since_ ? at - *frozen_since_ : nanoseconds{});
}

void GroupClock::look(Clock::time_point at) {
  const nanoseconds went_on = at - made_ - frozen(at);
  const nanoseconds passed = went_on - looked_;
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
  looked_ = went_on;
}

console::GuestTime::time_point GroupClock::now() {
  const base::Lock lock(mutex_);
  const auto at = Clock::now();
  const nanoseconds went_on = at - made_ - frozen(at);
  const nanoseconds least = looked_ / stretch_ + (went_on - looked_);
  return console::GuestTime::time_point(made_.time_since_epoch() + std::max(went_on - starved_, least));
}

void GroupClock::look() {
  const base::Lock lock(mutex_);
  look(Clock::now());
}

void GroupClock::freeze() {
  const base::Lock lock(mutex_);
  frozen_since_ = Clock::now();
}

void GroupClock::thaw() {
  const base::Lock lock(mutex_);
  if (!frozen_since_) return;
  frozen_ += Clock::now() - *frozen_since_;
  frozen_since_.reset();
}

GroupClock::Had GroupClock::had() {
  const base::Lock lock(mutex_);
  const auto at = Clock::now();
  look(at);
  Had had{{}, std::chrono::duration_cast<core::Duration>(frozen(at))};
  for (const auto& [domain, member] : members_) {
    if (!member.known) continue;
    had.hosts.push_back({domain.host.value, std::chrono::duration_cast<core::Duration>(member.had.used),
                         std::chrono::duration_cast<core::Duration>(member.had.starved)});
  }
  return had;
}

process::ProcessorTime GroupClock::sum() {
  const base::Lock lock(mutex_);
  process::ProcessorTime sum;
  for (const auto& [domain, member] : members_) {
    sum.used += member.had.used;
    sum.starved += member.had.starved;
  }
  return sum;
}

std::shared_ptr<GroupClock> clock_of(Context& context, std::vector<core::Domain> domains) {
  return std::make_shared<GroupClock>(context.hypervisor, std::move(domains), context.config.stretch);
}

}  // namespace kvmtest::engine
