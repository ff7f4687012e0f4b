#pragma once
// Which domain each job that is under way is for, so that its answer is found without a search.

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "core/ids.h"

namespace kvmtest::core {

/// Core thread only.
class Tickets {
 public:
  /// A new one, higher than all before.
  Ticket issue(const Domain& domain) {
    const Ticket ticket{++last_};
    domains_.emplace(ticket.value, domain);
    return ticket;
  }
  /// Whom it was issued for; nothing once it was redeemed.
  [[nodiscard]] const Domain* find(Ticket ticket) const {
    const auto found = domains_.find(ticket.value);
    return found == domains_.end() ? nullptr : &found->second;
  }
  /// It was answered, or nobody waits for its answer any more.
  void redeem(Ticket ticket) { domains_.erase(ticket.value); }

 private:
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, Domain> domains_;
};

}  // namespace kvmtest::core
