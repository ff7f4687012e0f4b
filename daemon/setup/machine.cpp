#include "setup/machine.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

namespace kvmtest::setup {

namespace {

/// MemAvailable of proc(5), in bytes; 0 when the kernel does not tell.
std::uint64_t available_memory() {
  std::ifstream memory("/proc/meminfo");
  std::string name;
  std::uint64_t value = 0;
  while (memory >> name >> value) {
    if (name == "MemAvailable:") return value * 1024;
    memory.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

}  // namespace

planning::Machine machine(const settings::Settings& settings, const domains::Templates& templates) {
  planning::Machine out;
  out.cores = std::max(1U, std::thread::hardware_concurrency());
  out.memory_available = available_memory();
  const auto guest = settings::guest_files(settings);
  const domains::Substitutions with{"qemu",      guest.kernel,       guest.initrd,
                                    guest.image, settings.state_dir, guest.memory_mib};
  for (const std::string& host : templates.hosts())
    out.guest_memory[core::Host{host}] = domains::memory_of(templates.render(templates.sample(host), with, {}));
  return out;
}

}  // namespace kvmtest::setup
