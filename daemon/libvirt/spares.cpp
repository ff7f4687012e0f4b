// Domains' spares: the twin that is not on the network (libvirt/hypervisor.h). Its cards are on their bridges all the
// time, but down, as those of a paused domain are: then a bridge passes nothing, and the guest notices nothing.

#include <chrono>

#include "libvirt/bridges.h"
#include "libvirt/snapshots.h"

namespace kvmtest::libvirt {

using engine::HostFault;

engine::Snapshots::Restored QemuSnapshots::take_back(const core::Domain& domain, const core::StateId& state,
                                                     bool at_rest) {
  const Twin twin = hypervisor_.spare(domain);
  // See better_restored for one that has booted.
  if (const auto held = saved(twin); at_rest && held && held->state == state && !held->booted) {
    const auto start = std::chrono::steady_clock::now();
    Restored restored;
    hypervisor_.set_modest(twin, true);
    restored.note = load(twin, false);
    restored.load = std::chrono::duration_cast<core::Duration>(std::chrono::steady_clock::now() - start);
    return restored;
  }
  discard(domain);
  return restore(twin, state, LibvirtHypervisor::Start::saved_and_apart);
}

void QemuSnapshots::hurry(const core::Domain& domain) { hypervisor_.set_modest(hypervisor_.spare(domain), false); }

void QemuSnapshots::halt(const core::Domain& domain) {
  const Twin twin = hypervisor_.spare(domain);
  change(twin, [](Saved& s) { s.halted = true; });
  hypervisor_.hold(twin);
  qmp(hypervisor_.find(twin).get(), "stop");
}

void QemuSnapshots::swap(const core::Domain& domain) {
  const Twin before = hypervisor_.live(domain);
  const Twin after = hypervisor_.spare(domain);
  const auto ready = saved(after);
  if (!ready || !ready->halted) throw HostFault(domain.name() + " has no spare that waits");
  // Never both at once. It may have ended meanwhile.
  if (hypervisor_.id_of(before) >= 0) silence(before);
  hypervisor_.set_modest(after, false);
  set_links(ready->links, true);
  qmp(hypervisor_.find(after).get(), "cont");
  hypervisor_.let_go(after);
  change(after, [](Saved& s) { s.halted = false; });
  hypervisor_.exchange(domain);
}

void QemuSnapshots::discard(const core::Domain& domain) {
  const Twin twin = hypervisor_.spare(domain);
  {
    const std::lock_guard lock(mutex_);
    saved_.erase(twin.name());
  }
  hypervisor_.power_off(twin);
}

}  // namespace kvmtest::libvirt
