#include "fake_snapshots.h"

namespace kvmtest::engine {
namespace {

/// Whether the next one is planned to go otherwise than well.
bool goes_wrong(unsigned& times) {
  if (times == 0) return false;
  --times;
  return true;
}

}  // namespace

bool FakeSnapshots::kept(const core::StateId& state) {
  const std::lock_guard lock(mutex_);
  return kept_.contains(state);
}

void FakeSnapshots::save(const core::Domain& domain, const core::StateId& state, const std::string& note) {
  const std::lock_guard lock(mutex_);
  if (goes_wrong(plans_[domain].saves_that_fail)) throw HostFault("save " + domain.name() + ": no room");
  hypervisor_.with(domain, [&](const console::FakeGuest& guest) {
    held_[domain] = kept_[state] = {guest.state(), note};
  });
}

std::string FakeSnapshots::load(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  Plan& plan = plans_[domain];
  if (goes_wrong(plan.loads_that_fail)) throw HostFault("load " + domain.name() + ": I/O error");
  const auto held = held_.find(domain);
  if (held == held_.end()) throw HostFault("load " + domain.name() + ": it was never saved");
  hypervisor_.with(domain, [&](console::FakeGuest& guest) {
    guest.go_back(held->second.guest);
    guest.silent = goes_wrong(plan.loads_that_hang);
  });
  return held->second.note;
}

Snapshots::Restored FakeSnapshots::restore(const core::Domain& domain, const core::StateId& state) {
  const std::lock_guard lock(mutex_);
  Plan& plan = plans_[domain];
  if (goes_wrong(plan.restores_that_fail)) throw HostFault("restore " + domain.name() + ": checksum");
  const auto kept = kept_.find(state);
  if (kept == kept_.end()) throw HostFault("the saved state is gone");
  held_[domain] = kept->second;
  Restored restored{hypervisor_.start_from(domain, kept->second.guest), kept->second.note};
  if (goes_wrong(plan.restores_that_hang))
    hypervisor_.with(domain, [](console::FakeGuest& guest) { guest.silent = true; });
  return restored;
}

bool FakeSnapshots::better_restored(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  return goes_wrong(plans_[domain].restores_that_are_better);
}

void FakeSnapshots::pause(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  if (goes_wrong(plans_[domain].pauses_that_fail)) throw HostFault("pause " + domain.name() + ": timed out");
  hypervisor_.with(domain, [](console::FakeGuest& guest) { guest.silent = true; });
}

void FakeSnapshots::plan(const core::Domain& domain, Plan plan) {
  const std::lock_guard lock(mutex_);
  plans_[domain] = plan;
}

void FakeSnapshots::drop(const core::StateId& state) {
  const std::lock_guard lock(mutex_);
  kept_.erase(state);
}

}  // namespace kvmtest::engine
