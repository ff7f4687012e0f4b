#include "libvirt/processors.h"

#include <iterator>
#include <vector>

#include <libvirt/virterror.h>
#include <sched.h>

namespace kvmtest::libvirt {

/// The hosts of a prefix go back together: side by side, as far as there are processors, and beside other prefixes.
std::size_t Processors::turn_of(const core::Domain& domain) {
  const auto host = static_cast<std::size_t>(std::distance(hosts_.begin(), hosts_.find(domain.host.value)));
  const base::Lock lock(mutex_);
  return host + hosts_.size() * turns_.emplace(domain.prefix, turns_.size()).first->second;
}

void Processors::pin(const core::Domain& domain, virDomainPtr handle) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) == 0) return;
  std::size_t turn = turn_of(domain) % static_cast<std::size_t>(CPU_COUNT(&allowed));
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || turn-- > 0) continue;
    std::vector<unsigned char> map(static_cast<std::size_t>(cpu) / 8 + 1);
    map.back() = static_cast<unsigned char>(1U << (static_cast<unsigned>(cpu) % 8));
    // A remote or restricted libvirt may refuse; then it is only slower.
    if (virDomainPinEmulator(handle, map.data(), static_cast<int>(map.size()), VIR_DOMAIN_AFFECT_LIVE) < 0)
      virResetLastError();
    return;
  }
}

}  // namespace kvmtest::libvirt
