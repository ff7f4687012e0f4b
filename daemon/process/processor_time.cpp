#include "process/processor_time.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>
#include <ctime>

namespace kvmtest::process {

namespace fs = std::filesystem;
using std::chrono::nanoseconds;

namespace {

/// proc(5), "cpu": user nice system idle iowait irq softirq steal, each in ticks and of all processors together.
nanoseconds stolen_so_far() {
  std::ifstream stat("/proc/stat");
  std::string cpu;
  std::uint64_t ticks = 0;
  stat >> cpu;
  for (int field = 0; field < 8; ++field) stat >> ticks;
  if (!stat) return {};
  const auto seconds = static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto processors = static_cast<double>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(seconds / processors));
}

bool has_work(const fs::path& task, pid_t process) {
  if (task.filename() == std::to_string(process)) return true;
  std::string name;
  std::getline(std::ifstream(task / "comm"), name);
  return name.starts_with("CPU ");
}

}  // namespace

ProcessorReading read_processors(pid_t qemu) {
  ProcessorReading reading;
  clockid_t clock{};
  timespec used{};
  if (qemu <= 0 || clock_getcpuclockid(qemu, &clock) != 0 || clock_gettime(clock, &used) != 0) return reading;
  std::error_code error;
  for (fs::directory_iterator task("/proc/" + std::to_string(qemu) + "/task", error), end; !error && task != end;
       task.increment(error)) {
    if (!has_work(task->path(), qemu)) continue;
    std::uint64_t on_processor = 0;
    std::uint64_t waited = 0;
    if (std::ifstream(task->path() / "schedstat") >> on_processor >> waited)
      reading.waited[std::stoi(task->path().filename())] = nanoseconds(waited);
  }
  reading.process = qemu;
  reading.at = std::chrono::steady_clock::now();
  reading.used = std::chrono::seconds(used.tv_sec) + nanoseconds(used.tv_nsec);
  reading.stolen = stolen_so_far();
  return reading;
}

ProcessorTime between(const ProcessorReading& from, const ProcessorReading& to) {
  ProcessorTime time;
  if (to.process == 0) return time;
  const bool same = from.process == to.process;
  time.used = same ? to.used - from.used : to.used;
  for (const auto& [thread, waited] : to.waited) {
    const auto before = same ? from.waited.find(thread) : from.waited.end();
    time.starved = std::max(time.starved, before == from.waited.end() ? waited : waited - before->second);
  }
  if (from.process == 0) return time;
  const nanoseconds passed = to.at - from.at;
  // What is stolen is stolen from whoever is on a processor: from one that sleeps, nothing is.
  if (passed.count() > 0)
    time.starved += std::chrono::duration_cast<nanoseconds>(
        (to.stolen - from.stolen) *
        std::min(1.0, static_cast<double>(time.used.count()) / static_cast<double>(passed.count())));
  time.starved = std::min(time.starved, passed);
  return time;
}

}  // namespace kvmtest::process
