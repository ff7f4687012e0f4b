#include "process/memory.h"

#include <fstream>
#include <limits>
#include <string>

namespace kvmtest::process {

std::uint64_t memory_available() {
  std::ifstream memory("/proc/meminfo");
  std::string name;
  std::uint64_t value = 0;
  while (memory >> name >> value) {
    if (name == "MemAvailable:") return value * 1024;
    memory.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

}  // namespace kvmtest::process
