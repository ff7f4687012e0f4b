#include "setup/machine.h"

#include <algorithm>
#include <string>
#include <thread>

#include "process/memory.h"

namespace kvmtest::setup {

planning::Machine machine(const settings::Settings& settings, const domains::Templates& templates) {
  planning::Machine out;
  out.cores = std::max(1U, std::thread::hardware_concurrency());
  out.memory_available = process::memory_available();
  const auto guest = settings::guest_files(settings);
  const domains::Substitutions with{"qemu",      guest.kernel,       guest.initrd,
                                    guest.image, settings.state_dir, guest.memory_mib};
  for (const std::string& host : templates.hosts())
    out.guest_memory[core::Host{host}] = domains::memory_of(templates.render(templates.sample(host), with, {}));
  return out;
}

}  // namespace kvmtest::setup
