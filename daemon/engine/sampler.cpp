#include "engine/sampler.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

#include "process/memory.h"

namespace kvmtest::engine {

namespace {

/// The share of `some` over ten seconds; 0 where the kernel does not tell. Source: Documentation/accounting/psi.rst.
double pressure(const std::string& of) {
  constexpr std::string_view average = "avg10=";
  std::ifstream file("/proc/pressure/" + of);
  std::string kind;
  std::string value;
  if (!(file >> kind >> value) || kind != "some" || !value.starts_with(average)) return 0;
  return std::strtod(value.c_str() + average.size(), nullptr) / 100;
}

}  // namespace

core::record::Sample Sampler::sample() {
  core::record::Sample sample;
  std::ifstream("/proc/loadavg") >> sample.load;

  const process::MachineReading now = process::read_machine();
  if (now.total > last_.total)
    sample.cpu =
        static_cast<double>((now.busy - last_.busy).count()) / static_cast<double>((now.total - last_.total).count());
  last_ = now;

  sample.memory_available = process::memory_available();
  sample.cpu_pressure = pressure("cpu");
  sample.memory_pressure = pressure("memory");
  sample.io_pressure = pressure("io");

  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  sample.daemon_rss = resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return sample;
}

}  // namespace kvmtest::engine
