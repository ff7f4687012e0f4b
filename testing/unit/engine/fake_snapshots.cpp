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

bool FakeSnapshots::kept(const core::SavedStateId& state) {
  const std::lock_guard lock(mutex_);
  return kept_.contains(state);
}

void FakeSnapshots::save(const core::Domain& domain, const core::SavedStateId& state, const std::string& note) {
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
    guest.faults.silent = goes_wrong(plan.loads_that_hang);
  });
  return held->second.note;
}

Snapshots::Restored FakeSnapshots::restore(const core::Domain& domain, const core::SavedStateId& state) {
  const std::lock_guard lock(mutex_);
  Plan& plan = plans_[domain];
  if (goes_wrong(plan.restores_that_fail)) throw HostFault("restore " + domain.name() + ": checksum");
  const auto kept = kept_.find(state);
  if (kept == kept_.end()) throw HostFault("the saved state is gone");
  held_[domain] = kept->second;
  Restored restored{hypervisor_.start_from(domain, kept->second.guest), kept->second.note};
  if (goes_wrong(plan.restores_that_hang))
    hypervisor_.with(domain, [](console::FakeGuest& guest) { guest.faults.silent = true; });
  return restored;
}

bool FakeSnapshots::better_restored(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  return goes_wrong(plans_[domain].restores_that_are_better);
}

void FakeSnapshots::pause(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  if (goes_wrong(plans_[domain].pauses_that_fail)) throw HostFault("pause " + domain.name() + ": timed out");
  hypervisor_.with(domain, [](console::FakeGuest& guest) { guest.faults.silent = true; });
}

// ---- spares ----

Snapshots::Restored FakeSnapshots::take_back(const core::Domain& domain, const core::SavedStateId& state,
                                             bool at_rest) {
  const std::lock_guard lock(mutex_);
  Plan& plan = plans_[domain];
  TakenBack& taken = taken_back_[domain];
  if (goes_wrong(plan.spares_that_fail)) {
    ++taken.failed;
    changed_.notify_all();
    throw HostFault(domain.name() + "'s spare: no memory");
  }
  Restored restored;
  if (at_rest) {
    ++taken.in_place;
    hypervisor_.with_spare(domain, [&](console::FakeGuest& guest) { guest.go_back(held_by_spare_.at(domain).guest); });
  } else {
    ++taken.started;
    hypervisor_.discard_spare(domain);
    const auto kept = kept_.find(state);
    if (kept == kept_.end()) throw HostFault("the saved state is gone");
    held_by_spare_[domain] = kept->second;
    restored.console = hypervisor_.start_spare(domain, kept->second.guest);
  }
  restored.note = held_by_spare_.at(domain).note;
  hypervisor_.with_spare(domain,
                         [&](console::FakeGuest& guest) { guest.faults.silent = goes_wrong(plan.spares_that_hang); });
  changed_.notify_all();
  return restored;
}

void FakeSnapshots::hurry(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  hypervisor_.with_spare(domain, [](console::FakeGuest&) {});  // it is there
  ++taken_back_[domain].hurried;
  changed_.notify_all();
}

void FakeSnapshots::halt(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  const bool spoils = goes_wrong(plans_[domain].spares_that_spoil);
  hypervisor_.with_spare(domain, [&](console::FakeGuest& guest) {
    guest.faults.silent = true;
    if (spoils) guest.faults.renewal = 2;
  });
  ++taken_back_[domain].halted;
  changed_.notify_all();
}

void FakeSnapshots::swap(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  if (goes_wrong(plans_[domain].swaps_that_fail)) throw HostFault("swap " + domain.name() + ": QEMU is gone");
  hypervisor_.swap(domain);
  std::swap(held_[domain], held_by_spare_[domain]);
  hypervisor_.with(domain, [](console::FakeGuest& guest) { guest.faults.silent = false; });
}

void FakeSnapshots::discard(const core::Domain& domain) { hypervisor_.discard_spare(domain); }

FakeSnapshots::TakenBack FakeSnapshots::wait_for_spare(const core::Domain& domain, TakenBack least) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(60), [&] {
    const TakenBack& taken = taken_back_[domain];
    return taken.started >= least.started && taken.in_place >= least.in_place && taken.halted >= least.halted &&
           taken.failed >= least.failed && taken.hurried >= least.hurried;
  });
  return taken_back_[domain];
}

void FakeSnapshots::plan(const core::Domain& domain, Plan plan) {
  const std::lock_guard lock(mutex_);
  plans_[domain] = plan;
}

void FakeSnapshots::drop(const core::SavedStateId& state) {
  const std::lock_guard lock(mutex_);
  kept_.erase(state);
}

}  // namespace kvmtest::engine
