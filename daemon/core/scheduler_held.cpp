// The scheduler's part in Policy::keep_failed: the domains of a test wait for its verdict as they are, and stay so when
// it is a bad one.

#include <algorithm>
#include <utility>

#include "core/scheduler.h"

namespace kvmtest::core {

/// The verdict of the attempt that the prefix may be waiting for.
void Scheduler::end_awaiting(PrefixEntry& prefix, AttemptId attempt, bool keep) {
  auto* awaiting = std::get_if<prefix_state::Awaiting>(&prefix.state);
  if (!awaiting || awaiting->attempt != attempt) return;
  if (!keep || run_->stopping()) {
    prefix.state = prefix_state::Idle{};
    return;
  }
  for (const Host& host : awaiting->test.hosts)
    if (auto* dirty = std::get_if<domain_state::Dirty>(&prefix.domains[host].state))
      prefix.domains[host].state = domain_state::Lent{dirty->holds};
  for (auto& [host, entry] : prefix.domains) discard_spare({prefix.prefix, host}, entry);  // no test comes
  out_.push_back(action::ReportHeld{awaiting->test.index, prefix.prefix});
  prefix.state = prefix_state::Holding{std::move(awaiting->test)};
}

/// Leaves the held domains to clients; those of the prefix that are nobody's go. When the last one is off and nobody
/// waits for any, the prefix is free.
void Scheduler::hold(PrefixEntry& prefix, Instant now) {
  serve_requests(prefix, now);
  const PlannedTest& test = std::get<prefix_state::Holding>(prefix.state).test;
  bool any = false;
  for (auto& [host, entry] : prefix.domains) {
    any = any || !entry.wanted_by.empty() || !entry.unwanted_by.empty();
    if (needs(test, host))
      any = any || !is_off(entry.state);
    else if (prefix.in_run && !held(prefix, host))
      make_off(prefix, host);
  }
  if (any) return;
  prefix.state = prefix_state::Idle{};
  if (!prefix.in_run) return;
  // Clients may have had wishes of their own.
  for (auto& [host, entry] : prefix.domains) {
    states_.assign({prefix.prefix, host}, run_->plan.states);
    if (is<domain_state::Lent>(entry.state)) entry.state = domain_state::Dirty{};
  }
}

/// Whether the run leaves the domain alone, also at its end.
bool Scheduler::held(const PrefixEntry& prefix, const Host& host) const {
  const auto* holding = std::get_if<prefix_state::Holding>(&prefix.state);
  if (!holding) return false;
  const auto entry = prefix.domains.find(host);
  if (needs(holding->test, host) || entry == prefix.domains.end()) return true;
  return !entry->second.wanted_by.empty() || !entry->second.unwanted_by.empty() ||
         is<domain_state::Lent>(entry->second.state);
}

/// Whether the prefix holds what a failure left, and nobody stops it from doing so.
bool Scheduler::holds_on(const PrefixEntry& prefix) const {
  const bool stopped = prefix.in_run && run_->stage == Run::Stage::stopping_all;
  return is<prefix_state::Holding>(prefix.state) && !stopped;
}

/// Whether clients may have its domains: no run uses them, or it only holds what a failure left.
bool Scheduler::for_clients(const PrefixEntry& prefix) const { return !prefix.in_run || holds_on(prefix); }

void Scheduler::dismiss_clients(PrefixEntry& prefix, const std::string& reason) {
  for (auto& [host, entry] : prefix.domains) {
    answer(entry.wanted_by, reason);
    answer(entry.unwanted_by, reason);
  }
}

}  // namespace kvmtest::core
