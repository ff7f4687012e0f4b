#include "core/reboot_pool.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace kvmtest::core {

void RebootPool::set_slots(unsigned boots, unsigned quick) {
  kind(true).slots = std::max(1U, boots);
  kind(false).slots = std::max(1U, quick);
}

unsigned RebootPool::submit(Job job) {
  if (!is_in_place(job.method)) ++starts_;
  auto& queue = kind(is_boot(job.method)).queue;
  const auto ahead = static_cast<unsigned>(queue.size());
  queue.push_back(std::move(job));
  ++submitted_;
  return ahead;
}

bool RebootPool::withdraw(Ticket ticket) {
  for (Kind& each : kinds_) {
    const auto found =
        std::find_if(each.queue.begin(), each.queue.end(), [&](const Job& job) { return job.ticket == ticket; });
    if (found == each.queue.end()) continue;
    if (!is_in_place(found->method)) --starts_;
    each.queue.erase(found);
    return true;
  }
  return false;
}

std::optional<RebootPool::Job> RebootPool::start_next(bool starts) {
  Kind* next = nullptr;
  std::deque<Job>::iterator first;
  for (Kind& each : kinds_) {
    if (each.busy >= each.slots) continue;
    const auto found = std::find_if(each.queue.begin(), each.queue.end(),
                                    [&](const Job& job) { return starts || is_in_place(job.method); });
    if (found == each.queue.end() || (next != nullptr && first->ticket < found->ticket)) continue;
    next = &each;
    first = found;
  }
  if (next == nullptr) return std::nullopt;
  Job job = std::move(*first);
  next->queue.erase(first);
  ++next->busy;
  if (!is_in_place(job.method)) ++starting_;
  assert(next->busy <= next->slots);
  running_.emplace(job.ticket, job.method);
  return job;
}

void RebootPool::finished(Ticket ticket) {
  const auto found = running_.find(ticket);
  if (found == running_.end()) return;
  --kind(is_boot(found->second)).busy;
  if (!is_in_place(found->second)) {
    --starts_;
    --starting_;
  }
  running_.erase(found);
}

}  // namespace kvmtest::core
