// The scheduler's part in memory: what all domains take together, and which go when others need theirs.

#include "core/scheduler.h"

namespace kvmtest::core {

void Scheduler::update_claim(const PrefixEntry& prefix) {
  if (!run_ || run_->plan.memory.budget == 0) return;
  const PlannedTest* test = prefix.test();
  MemoryLedger::Claim claim;
  claim.busy = test != nullptr && !is<prefix_state::Holding>(prefix.state);
  claim.clients = for_clients(prefix);
  for (const auto& [host, bytes] : run_->plan.memory.need) {
    const auto entry = prefix.domains.find(host);
    if (test && needs(*test, host))
      claim.needed += bytes;
    else if (entry != prefix.domains.end() && !is_off(entry->second.state))
      claim.idle += bytes;
  }
  memory_.set(prefix.prefix, claim);
}

/// Whether the prefix may take the test: its group fits beside the groups of the others, or there are none.
bool Scheduler::fits(const PrefixEntry& prefix, const PlannedTest& test) {
  const Memory& memory = run_->plan.memory;
  if (memory.budget == 0) return true;
  std::uint64_t bytes = memory_.needed_by_others(prefix.prefix);
  for (const Host& host : test.hosts)
    if (const auto need = memory.need.find(host); need != memory.need.end()) bytes += need->second;
  // What is held may be held for ever: it is not waited for.
  if (bytes <= memory.budget || !memory_.others_busy(prefix.prefix)) return true;
  memory_.refuse();
  return false;
}

/// Whether domains that no test needs must go before another one comes up.
bool Scheduler::short_of_memory() const {
  return run_ && run_->plan.memory.budget > 0 && memory_.total() > run_->plan.memory.budget && memory_.idle() > 0;
}

/// The same, and whoever asks does without for now.
bool Scheduler::waits_for_memory() {
  if (!short_of_memory()) return false;
  memory_.refuse();
  return true;
}

/// Destroys domains that stand still, as many as must go.
void Scheduler::free_memory(Instant now) {
  if (!short_of_memory()) return;
  const Memory& memory = run_->plan.memory;
  std::uint64_t bytes = memory_.total();
  const auto each_idle = [&](auto function) {
    for (auto& [name, prefix] : prefixes_) {
      const PlannedTest* test = prefix.test();
      if (for_clients(prefix)) continue;
      for (auto& [host, entry] : prefix.domains) {
        const auto need = memory.need.find(host);
        if (need == memory.need.end() || (test && needs(*test, host))) continue;
        function(prefix, host, entry, need->second);
      }
    }
  };
  each_idle([&](PrefixEntry&, const Host&, DomainEntry& entry, std::uint64_t need) {
    if (is<domain_state::Destroying>(entry.state)) bytes -= need;
  });
  each_idle([&](PrefixEntry& prefix, const Host& host, DomainEntry& entry, std::uint64_t need) {
    if (bytes <= memory.budget || !is<domain_state::Paused>(entry.state)) return;
    account(prefix, now);
    destroy(prefix, host);
    bytes -= need;
  });
}

}  // namespace kvmtest::core
