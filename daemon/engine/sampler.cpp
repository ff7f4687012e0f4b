#include "engine/sampler.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
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

  std::ifstream stat("/proc/stat");
  std::string line;
  std::getline(stat, line);
  std::istringstream fields(line.substr(line.find(' ')));
  // proc(5): user nice system idle iowait irq softirq steal
  std::uint64_t value = 0;
  std::uint64_t total = 0;
  std::uint64_t idle = 0;
  for (int i = 0; i < 8 && fields >> value; ++i) {
    total += value;
    if (i == 3 || i == 4) idle += value;
  }
  const std::uint64_t busy = total - idle;
  if (total > total_) sample.cpu = static_cast<double>(busy - busy_) / static_cast<double>(total - total_);
  busy_ = busy;
  total_ = total;

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
