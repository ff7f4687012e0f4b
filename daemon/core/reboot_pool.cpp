#include "core/reboot_pool.h"

#include <algorithm>

namespace kvmtest::core {

unsigned RebootPool::submit(Job job) {
  const unsigned ahead = queued();
  queue_.push_back(std::move(job));
  ++submitted_;
  return ahead;
}

bool RebootPool::withdraw(Ticket ticket) {
  return std::erase_if(queue_, [&](const Job& job) { return job.ticket == ticket; }) > 0;
}

std::optional<RebootPool::Job> RebootPool::start_next() {
  if (queue_.empty() || busy() >= slots_) return std::nullopt;
  Job job = std::move(queue_.front());
  queue_.pop_front();
  running_.insert(job.ticket);
  return job;
}

void RebootPool::finished(Ticket ticket) { running_.erase(ticket); }

}  // namespace kvmtest::core
