#include "process/processor_time.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/mutex.h"

namespace kvmtest::process {

namespace fs = std::filesystem;
using std::chrono::nanoseconds;

namespace {

using Ticks = std::array<std::uint64_t, 8>;

/// proc(5), "cpu3": user nice system idle iowait irq softirq steal, each in ticks. False: it is no processor of ours.
bool add_ticks(std::istringstream line, const cpu_set_t& ours, Ticks& ticks) {
  std::string word;
  std::size_t number = 0;
  if (!(line >> word) || !word.starts_with("cpu") || std::sscanf(word.c_str(), "cpu%zu", &number) != 1) return false;
  if (number >= CPU_SETSIZE || !CPU_ISSET(number, &ours)) return false;
  for (std::uint64_t& each : ticks) {
    std::uint64_t more = 0;
    if (line >> more) each += more;
  }
  return true;
}

MachineReading read_stat() {
  cpu_set_t ours;
  CPU_ZERO(&ours);
  if (sched_getaffinity(getpid(), sizeof ours, &ours) != 0) return {};
  std::ifstream stat("/proc/stat");
  Ticks ticks{};
  unsigned processors = 0;
  for (std::string line; std::getline(stat, line) && line.starts_with("cpu");)
    if (add_ticks(std::istringstream(line), ours, ticks)) ++processors;
  if (processors == 0) return {};
  const auto time = [](std::uint64_t count) {
    const auto seconds = static_cast<double>(count) / static_cast<double>(sysconf(_SC_CLK_TCK));
    return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(seconds));
  };
  const auto total = std::accumulate(ticks.begin(), ticks.end(), std::uint64_t{0});
  return {.busy = time(total - ticks[3] - ticks[4]),
          .total = time(total),
          .stolen = time(ticks[7]),
          .processors = processors};
}

/// Of a thread that has work to do; none: it has not.
base::Descriptor schedstat_of(const fs::path& task, pid_t process) {
  std::string name;
  if (task.filename() != std::to_string(process)) std::getline(std::ifstream(task / "comm"), name);
  if (!name.empty() && !name.starts_with("CPU ")) return {};
  return base::Descriptor(open((task / "schedstat").c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

MachineReading read_machine() {
  using Clock = std::chrono::steady_clock;
  static base::Mutex mutex;
  static MachineReading last;
  static Clock::time_point read;
  const base::Lock lock(mutex);
  const auto now = Clock::now();
  if (now - read > std::chrono::milliseconds(2)) {
    last = read_stat();
    read = now;
  }
  return last;
}

ProcessorGauge::ProcessorGauge(pid_t qemu) {
  if (qemu <= 0) return;
  std::error_code error;
  for (fs::directory_iterator task("/proc/" + std::to_string(qemu) + "/task", error), end; !error && task != end;
       task.increment(error))
    if (auto file = schedstat_of(task->path(), qemu))
      threads_.emplace_back(std::stoi(task->path().filename()), std::move(file));
  if (!threads_.empty()) process_ = qemu;
}

ProcessorReading ProcessorGauge::read() const {
  ProcessorReading reading;
  for (const auto& [thread, file] : threads_) {
    std::array<char, 64> text{};
    // What is open is of this thread, and fails when it is gone, whoever has its number by then.
    const ssize_t got = pread(file.number(), text.data(), text.size() - 1, 0);
    if (got <= 0 && thread == process_) return {};
    if (got <= 0) continue;
    char* rest = text.data();
    std::strtoull(rest, &rest, 10);  // time on a processor
    reading.waited[thread] = nanoseconds(std::strtoull(rest, nullptr, 10));
  }
  clockid_t clock{};
  timespec used{};
  if (process_ <= 0 || clock_getcpuclockid(process_, &clock) != 0 || clock_gettime(clock, &used) != 0) return {};
  reading.process = process_;
  reading.at = std::chrono::steady_clock::now();
  reading.used = std::chrono::seconds(used.tv_sec) + nanoseconds(used.tv_nsec);
  const MachineReading machine = read_machine();
  reading.stolen = machine.stolen / machine.processors;
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
