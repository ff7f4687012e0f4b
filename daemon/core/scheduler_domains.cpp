// The scheduler's single steps on one domain, and what memory allows.

#include <algorithm>
#include <utility>

#include "core/scheduler.h"

namespace kvmtest::core {
namespace {

/// What the running domain can go back to, where it is up and at rest.
std::optional<StateId> held_by(const DomainState& state) {
  if (const auto* ready = std::get_if<domain_state::Ready>(&state)) return ready->holds;
  if (const auto* dirty = std::get_if<domain_state::Dirty>(&state)) return dirty->holds;
  if (const auto* paused = std::get_if<domain_state::Paused>(&state)) return paused->holds;
  return std::nullopt;
}

bool at_rest(const DomainState& state) {
  return is<domain_state::Ready>(state) || is<domain_state::Dirty>(state) || is<domain_state::Paused>(state);
}

}  // namespace

// ---- how ----

/// The state that the domain is to be brought to without a boot; none when it is only to be booted.
std::optional<StateId> Scheduler::state_of(const Domain& domain, const DomainEntry& entry) const {
  const unsigned allowed = run_ ? run_->plan.policy.snapshot_failures : Policy{}.snapshot_failures;
  if (entry.snapshot_failures >= allowed) return std::nullopt;
  const auto found = states_.of.find(domain);
  return found == states_.of.end() ? std::nullopt : std::optional(found->second);
}

/// How to reset a domain that is off; none: wait for another one, which is about to save the state that this one needs.
std::optional<Method> Scheduler::method_for(const Domain& domain, const DomainEntry& entry) const {
  const auto state = state_of(domain, entry);
  if (!state) return Method::boot;
  if (entry.boot_next) return Method::boot_and_save;
  if (states_.kept.contains(*state)) return Method::restore;
  if (!not_savable_.contains(*state) && being_saved(*state)) return std::nullopt;
  return Method::boot_and_save;
}

bool Scheduler::being_saved(const StateId& state) const {
  for (const auto& [prefix, worker] : workers_)
    for (const auto& [host, entry] : worker.domains) {
      const auto* queued = std::get_if<domain_state::Queued>(&entry.state);
      if (queued && queued->method == Method::boot_and_save && queued->state == state) return true;
      const auto* resetting = std::get_if<domain_state::Resetting>(&entry.state);
      if (resetting && resetting->method == Method::boot_and_save && resetting->state == state && !resetting->unwanted)
        return true;
    }
  return false;
}

// ---- steps ----

/// Takes the next step towards a clean domain, whatever it is now.
void Scheduler::reset(TestWorker& worker, const Host& host, Instant now) {
  DomainEntry& entry = worker.domains[host];
  const Domain domain{worker.prefix, host};
  if (is<domain_state::Off>(entry.state)) {
    if (!for_clients(worker) && waits_for_memory()) return;
    if (const auto method = method_for(domain, entry)) submit_reset(worker, host, *method, now);
  } else if (at_rest(entry.state)) {
    const auto holds = held_by(entry.state);
    if (holds && holds == state_of(domain, entry) && !entry.boot_next)
      submit_reset(worker, host, Method::load, now);
    else
      destroy(worker, host);
  }
}

void Scheduler::submit_reset(TestWorker& worker, const Host& host, Method method, Instant now) {
  const Ticket ticket = new_ticket();
  const Domain domain{worker.prefix, host};
  DomainEntry& entry = worker.domains[host];
  entry.state = domain_state::Queued{ticket, method, state_of(domain, entry).value_or(StateId{})};
  const unsigned ahead = pool_.submit({ticket, domain, now, method});
  const bool boots = is_boot(method);
  const PlannedTest* test = worker.test();
  out_.push_back(action::ReportQueued{{.domain = domain,
                                       .ticket = ticket,
                                       .ahead = ahead,
                                       .submitted = pool_.submitted(),
                                       .pending = pool_.queued(boots) + pool_.busy(boots),
                                       .workers = pool_.slots(boots),
                                       .method = std::string(to_string(method)),
                                       .test = test ? test->name : ""}});
}

void Scheduler::destroy(TestWorker& worker, const Host& host) {
  const Ticket ticket = new_ticket();
  worker.domains[host].state = domain_state::Destroying{ticket};
  out_.push_back(action::DestroyDomain{ticket, Domain{worker.prefix, host}});
}

/// A reset that has not begun does not happen.
void Scheduler::take_back(DomainEntry& entry) {
  const auto* queued = std::get_if<domain_state::Queued>(&entry.state);
  if (!queued) return;
  pool_.withdraw(queued->ticket);
  withdrawn_ = true;
  if (queued->method == Method::load)
    entry.state = domain_state::Dirty{.holds = queued->state};
  else
    entry.state = domain_state::Off{};
}

/// Takes the next step towards a domain that is off.
void Scheduler::make_off(TestWorker& worker, const Host& host) {
  DomainEntry& entry = worker.domains[host];
  take_back(entry);
  if (auto* resetting = std::get_if<domain_state::Resetting>(&entry.state)) {
    if (!std::exchange(resetting->unwanted, true)) {
      withdrawn_ = true;
      out_.push_back(action::CancelReset{resetting->ticket});
    }
  } else if (at_rest(entry.state)) {
    destroy(worker, host);
  }
}

/// Takes the next step towards a domain that disturbs nobody: paused where that pays, or off.
void Scheduler::put_aside(TestWorker& worker, const Host& host) {
  DomainEntry& entry = worker.domains[host];
  take_back(entry);
  const auto holds = held_by(entry.state);
  if (holds && holds == state_of({worker.prefix, host}, entry) && !waits_for_memory()) {
    if (is<domain_state::Paused>(entry.state)) return;
    const Ticket ticket = new_ticket();
    entry.state = domain_state::Pausing{ticket, *holds};
    out_.push_back(action::PauseDomain{ticket, Domain{worker.prefix, host}});
  } else {
    make_off(worker, host);
  }
}

void Scheduler::count_snapshot_failure(TestWorker& worker, const Host& host, const std::string& reason) {
  const unsigned failures = ++worker.domains[host].snapshot_failures;
  if (in_run(worker) && failures == run_->plan.policy.snapshot_failures)
    out_.push_back(action::ReportSnapshotsGivenUp{{worker.prefix, host}, reason});
}

// ---- memory ----

/// Bytes that the worker's domains take: those its test needs, up or not, and `with_spare` the others that are up.
std::uint64_t Scheduler::claimed(const TestWorker& worker, bool with_spare) const {
  const auto& need = run_->plan.memory.need;
  const PlannedTest* test = worker.test();
  std::uint64_t bytes = 0;
  for (const auto& [host, each] : need) {
    const auto entry = worker.domains.find(host);
    const bool up = entry != worker.domains.end() && !is<domain_state::Off>(entry->second.state);
    if ((test && needs(*test, host)) || (with_spare && up)) bytes += each;
  }
  return bytes;
}

std::uint64_t Scheduler::claimed() const {
  std::uint64_t bytes = 0;
  for (const auto& [prefix, worker] : workers_) bytes += claimed(worker, true);
  return bytes;
}

/// Whether the worker may take the test: its group fits beside the groups of the others, or there are none.
bool Scheduler::fits(const TestWorker& worker, const PlannedTest& test) const {
  const Memory& memory = run_->plan.memory;
  if (memory.budget == 0) return true;
  std::uint64_t bytes = 0;
  bool alone = true;
  for (const Host& host : test.hosts)
    if (const auto need = memory.need.find(host); need != memory.need.end()) bytes += need->second;
  for (const auto& [prefix, other] : workers_) {
    if (&other == &worker) continue;
    bytes += claimed(other, for_clients(other));
    // What is kept may be kept for ever: it is not waited for.
    alone = alone && (other.test() == nullptr || is<worker_state::Keeping>(other.state));
  }
  return alone || bytes <= memory.budget;
}

/// Whether domains that no test needs must go before another one comes up.
bool Scheduler::waits_for_memory() const {
  if (!run_ || run_->plan.memory.budget == 0 || claimed() <= run_->plan.memory.budget) return false;
  return std::any_of(workers_.begin(), workers_.end(), [&](const auto& each) {
    return !for_clients(each.second) && claimed(each.second, true) > claimed(each.second, false);
  });
}

/// Destroys paused domains, as many as must go.
void Scheduler::free_memory() {
  if (!waits_for_memory()) return;
  const Memory& memory = run_->plan.memory;
  std::uint64_t bytes = claimed();
  const auto each_spare = [&](auto function) {
    for (auto& [prefix, worker] : workers_) {
      const PlannedTest* test = worker.test();
      if (for_clients(worker)) continue;
      for (auto& [host, entry] : worker.domains) {
        const auto need = memory.need.find(host);
        if (need == memory.need.end() || (test && needs(*test, host))) continue;
        function(worker, host, entry, need->second);
      }
    }
  };
  each_spare([&](TestWorker&, const Host&, DomainEntry& entry, std::uint64_t need) {
    if (is<domain_state::Destroying>(entry.state)) bytes -= need;
  });
  each_spare([&](TestWorker& worker, const Host& host, DomainEntry& entry, std::uint64_t need) {
    if (bytes <= memory.budget || !is<domain_state::Paused>(entry.state)) return;
    destroy(worker, host);
    bytes -= need;
  });
}

}  // namespace kvmtest::core
