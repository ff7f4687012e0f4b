#include "core/memory_ledger.h"

namespace kvmtest::core {

void MemoryLedger::add(const Claim& claim, bool remove) {
  const auto change = [remove](auto& sum, auto by) { sum = remove ? sum - by : sum + by; };
  change(needed_, claim.needed);
  change(idle_, claim.idle);
  if (claim.clients) change(idle_of_clients_, claim.idle);
  if (claim.busy) change(busy_, 1U);
}

void MemoryLedger::set(const Prefix& prefix, const Claim& claim) {
  Claim& entry = claims_[prefix];
  if (entry == claim) return;
  add(entry, true);
  entry = claim;
  add(entry, false);
  changed_ = refused_;
}

MemoryLedger::Claim MemoryLedger::of(const Prefix& prefix) const {
  const auto found = claims_.find(prefix);
  return found == claims_.end() ? Claim{} : found->second;
}

std::uint64_t MemoryLedger::needed_by_others(const Prefix& prefix) const {
  const Claim own = of(prefix);
  return needed_ - own.needed + idle_of_clients_ - (own.clients ? own.idle : 0);
}

bool MemoryLedger::others_busy(const Prefix& prefix) const { return busy_ > (of(prefix).busy ? 1U : 0U); }

bool MemoryLedger::take_changed() {
  if (!changed_) return false;
  changed_ = refused_ = false;
  return true;
}

}  // namespace kvmtest::core
