#include "core/reboot_pool.h"

#include <algorithm>

namespace kvmtest::core {

void RebootPool::set_slots(unsigned boots, unsigned quick) {
  boot_slots_ = std::max(1U, boots);
  quick_slots_ = std::max(1U, quick);
}

unsigned RebootPool::submit(Job job) {
  const unsigned ahead = queued(is_boot(job.method));
  queue_.push_back(std::move(job));
  ++submitted_;
  return ahead;
}

bool RebootPool::withdraw(Ticket ticket) {
  return std::erase_if(queue_, [&](const Job& job) { return job.ticket == ticket; }) > 0;
}

std::optional<RebootPool::Job> RebootPool::start_next() {
  const auto next = std::find_if(queue_.begin(), queue_.end(), [&](const Job& job) {
    return busy(is_boot(job.method)) < slots(is_boot(job.method));
  });
  if (next == queue_.end()) return std::nullopt;
  Job job = std::move(*next);
  queue_.erase(next);
  running_.emplace(job.ticket, job.method);
  return job;
}

unsigned RebootPool::busy(bool boots) const {
  return static_cast<unsigned>(
      std::count_if(running_.begin(), running_.end(), [&](const auto& job) { return is_boot(job.second) == boots; }));
}

bool RebootPool::any_start() const {
  const auto starts = [](Method method) { return method != Method::load; };
  return std::any_of(queue_.begin(), queue_.end(), [&](const Job& job) { return starts(job.method); }) ||
         std::any_of(running_.begin(), running_.end(), [&](const auto& job) { return starts(job.second); });
}

unsigned RebootPool::queued(bool boots) const {
  return static_cast<unsigned>(
      std::count_if(queue_.begin(), queue_.end(), [&](const Job& job) { return is_boot(job.method) == boots; }));
}

}  // namespace kvmtest::core
