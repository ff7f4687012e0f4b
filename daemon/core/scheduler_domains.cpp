// The scheduler: what each event of domains means, and its single steps on one domain.

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/scheduler.h"

namespace kvmtest::core {
namespace {

constexpr unsigned destroy_tries = 3;

}  // namespace

// ---- what happened ----

/// Whom a job is for; something about its prefix is going to change.
std::optional<Scheduler::Found> Scheduler::find(Ticket ticket, Instant now) {
  const Domain* domain = tickets_.find(ticket);
  if (domain == nullptr) return std::nullopt;
  PrefixEntry& prefix = entry_of(domain->prefix);
  touch(prefix, now);
  const auto entry = prefix.domains.find(domain->host);
  return Found{prefix, entry->first, entry->second};
}

/// The answer to a job of the domain's own, while it is in that state.
template <class State>
std::optional<Scheduler::Found> Scheduler::answered(Ticket ticket, Instant now) {
  const auto found = find(ticket, now);
  if (!found) return std::nullopt;
  const auto* state = std::get_if<State>(&found->entry.state);
  if (state == nullptr || state->ticket != ticket) return std::nullopt;
  tickets_.redeem(ticket);
  return found;
}

void Scheduler::on(const event::DomainReset& e, Instant now) {
  if (const auto cancelled = answered<domain_state::Cancelling>(e.ticket, now)) {
    pool_.finished(e.ticket);
    DomainEntry& entry = cancelled->entry;
    const auto reset = std::get<domain_state::Cancelling>(entry.state);
    if (reset.method == Method::boot_and_save) learn(*cancelled, reset.state, e, now);
    if (reset.method == Method::swap) set_spare(entry, spare_state::Left{});
    entry.state = domain_state::Broken{};
    return;
  }
  const auto found = answered<domain_state::Resetting>(e.ticket, now);
  if (!found) return;
  pool_.finished(e.ticket);
  DomainEntry& entry = found->entry;
  const auto reset = std::get<domain_state::Resetting>(std::move(entry.state));
  if (is_boot(reset.method)) entry.trust = Trust::full;
  if (reset.method == Method::swap) set_spare(entry, spare_state::Left{.in_place = reset.held.has_value()});
  if (reset.method == Method::boot_and_save) {
    learn(*found, reset.state, e, now);
    end_saving(reset.state);
  }
  std::optional<SavedStateId> holds;
  if (e.in_place && (e.saved || !is_boot(reset.method))) holds = reset.state;
  if (entry.wanted_by.empty()) {
    entry.state = domain_state::Ready{holds};
  } else {
    entry.state = domain_state::Lent{holds};  // from now on somebody types into it
    answer(entry.wanted_by, std::nullopt);
  }
}

void Scheduler::on(const event::DomainResetFailed& e, Instant now) {
  if (const auto cancelled = answered<domain_state::Cancelling>(e.ticket, now)) {
    pool_.finished(e.ticket);
    DomainEntry& entry = cancelled->entry;
    const auto reset = std::get<domain_state::Cancelling>(entry.state);
    if (reset.method == Method::swap) set_spare(entry, spare_state::None{});
    if (e.state_lost) lose(reset.state, now);
    entry.state = domain_state::Broken{};
    return;
  }
  const auto found = answered<domain_state::Resetting>(e.ticket, now);
  if (!found) return;
  pool_.finished(e.ticket);
  const auto reset = std::get<domain_state::Resetting>(std::exchange(found->entry.state, domain_state::Broken{}));
  if (reset.method == Method::boot_and_save) end_saving(reset.state);
  if (e.state_lost) lose(reset.state, now);
  reset_failed(*found, reset, e, now);
}

void Scheduler::reset_failed(const Found& found, const domain_state::Resetting& resetting,
                             const event::DomainResetFailed& e, Instant now) {
  auto* preparing = std::get_if<prefix_state::Preparing>(&found.prefix.state);
  if (preparing && !needs(preparing->test, found.host)) preparing = nullptr;
  record::ResetFailed failed{.domain = found.domain(),
                             .ticket = e.ticket,
                             .host_fault = e.fault == Fault::host,
                             .reason = e.reason,
                             .total = e.total,
                             .again = false,
                             .waited = resetting.waited,
                             .method = std::string(to_string(resetting.method))};
  if (preparing) failed.attempt = preparing->attempt;
  if (!is_boot(resetting.method)) {
    // Nobody is to blame yet. A spare has failed, and the domain is started in its state; or going back has, and a boot
    // comes next, and that one counts.
    failed.again = true;
    out_.push_back(action::Tell{std::move(failed)});
    if (resetting.method == Method::swap) {
      set_spare(found.entry, spare_state::None{});
      count_spare_failure(found.domain(), found.entry, e.reason);
      return;
    }
    found.entry.trust = Trust::boot_next;
    count_snapshot_failure(found, e.reason);
    return;
  }
  if (!preparing) {
    out_.push_back(action::Tell{std::move(failed)});
    answer(found.entry.wanted_by, e.reason);
    return;
  }
  failed.again = may_reset_again(*preparing, found.host, e.fault);
  const bool again = failed.again;
  out_.push_back(action::Tell{std::move(failed)});
  if (!again) end_preparing(found.prefix, found.host, e.fault, e.reason, now);
}

void Scheduler::on(const event::DomainPaused& e, Instant now) {
  const auto found = answered<domain_state::Pausing>(e.ticket, now);
  if (!found) return;
  const auto pausing = std::get<domain_state::Pausing>(found->entry.state);
  if (pausing.lost)
    found->entry.state = domain_state::Broken{};
  else
    found->entry.state = domain_state::Paused{pausing.holds};
}

void Scheduler::on(const event::DomainPauseFailed& e, Instant now) {
  // It is destroyed, and nothing is lost but some time.
  if (const auto found = answered<domain_state::Pausing>(e.ticket, now)) found->entry.state = domain_state::Broken{};
}

void Scheduler::on(const event::DomainDestroyed& e, Instant now) {
  const auto found = answered<domain_state::Destroying>(e.ticket, now);
  if (!found) return;
  found->entry.state = domain_state::Off{};
  found->entry.destroy_failures = 0;
  set_spare(found->entry, spare_state::None{});
}

void Scheduler::on(const event::DomainDestroyFailed& e, Instant now) {
  const auto found = answered<domain_state::Destroying>(e.ticket, now);
  if (!found) return;
  DomainEntry& entry = found->entry;
  entry.state = domain_state::Broken{};
  set_spare(entry, spare_state::None{});
  if (++entry.destroy_failures >= destroy_tries) {
    // Nothing more to try. What is left is found again by its owner's mark; a reset of it fails, and says why.
    out_.push_back(action::Tell{
        record::Notice{true, found->domain().name() + ": could not be destroyed and is left behind: " + e.reason}});
    entry.state = domain_state::Off{};
    entry.destroy_failures = 0;
    answer(entry.unwanted_by, e.reason);
  }
  if (is<prefix_state::Preparing>(found->prefix.state))
    end_with_host_fault(found->prefix, found->host.value, e.reason, now);
}

void Scheduler::on(const event::DomainLost& e, Instant now) {
  const auto known = prefixes_.find(e.domain.prefix);
  if (known == prefixes_.end()) return;
  PrefixEntry& prefix = known->second;
  const auto entry = prefix.domains.find(e.domain.host);
  if (entry == prefix.domains.end()) return;
  touch(prefix, now);
  DomainState& state = entry->second.state;
  if (const auto* queued = std::get_if<domain_state::Queued>(&state); queued && is_in_place(queued->method))
    take_back(entry->second);
  if (auto* pausing = std::get_if<domain_state::Pausing>(&state)) pausing->lost = true;
  const bool ready = is<domain_state::Ready>(state);
  const bool up = at_rest(state);
  if (up) state = domain_state::Broken{};
  if (for_clients(prefix)) {
    if (up) destroy(prefix, e.domain.host);  // so that the next client who wants it gets a live one
    return;
  }
  // Before its test it counts like a failed reset, or two domains that never stay up would be reset in turn for ever.
  if (auto* preparing = std::get_if<prefix_state::Preparing>(&prefix.state);
      preparing && ready && !may_reset_again(*preparing, e.domain.host, e.fault)) {
    end_preparing(prefix, e.domain.host, e.fault, e.reason, now);
    return;
  }
  // A script may be busy on another domain and take the loss for a result. A guest's own end is a result.
  auto* running = std::get_if<prefix_state::Running>(&prefix.state);
  if (running && e.fault == Fault::host && needs(running->test, e.domain.host) && !running->host_fault) {
    running->host_fault = Issue{e.domain.host.value, {}, e.reason};
    cancel_test(running->attempt);
  }
}

/// Whatever these domains hold, they cannot go back to it while they run.
void Scheduler::set_stuck(PrefixEntry& prefix, const std::vector<Host>& hosts) {
  for (const Host& host : hosts)
    if (const auto found = prefix.domains.find(host); found != prefix.domains.end())
      if (auto* dirty = std::get_if<domain_state::Dirty>(&found->second.state)) dirty->holds.reset();
}

void Scheduler::count_snapshot_failure(const Found& found, const std::string& reason) {
  const unsigned failures = ++found.entry.snapshot_failures;
  if (found.prefix.in_run && failures == run_->plan.policy.snapshot_failures)
    out_.push_back(action::Tell{record::SnapshotsGivenUp{found.domain(), reason}});
}

/// What came of a boot that was to save the state. Those who have chosen another way look again, where that is rare.
void Scheduler::learn(const Found& found, const SavedStateId& state, const event::DomainReset& e, Instant now) {
  states_.learn(state, e.saved);
  if (!e.saved) count_snapshot_failure(found, e.not_saved);
  if (!e.saved || is<domain_state::Cancelling>(found.entry.state)) touch_all(now);
}

void Scheduler::lose(const SavedStateId& state, Instant now) {
  states_.lose(state);
  touch_all(now);
}

/// Nobody saves it any more, or one less: those who waited for that look again.
void Scheduler::end_saving(const SavedStateId& state) { touched_.merge(states_.end_saving(state)); }

// ---- how ----

/// The state that the domain is to be brought to without a boot; none when it is only to be booted.
std::optional<SavedStateId> Scheduler::state_of(const Domain& domain, const DomainEntry& entry) const {
  const unsigned allowed = run_ ? run_->plan.policy.snapshot_failures : Policy{}.snapshot_failures;
  return entry.snapshot_failures >= allowed ? std::nullopt : states_.of(domain);
}

/// How to reset a domain that is off; none: wait for another one, which is about to save the state that this one needs.
std::optional<Method> Scheduler::method_for(const Domain& domain, const DomainEntry& entry) {
  const auto state = state_of(domain, entry);
  if (!state) return Method::boot;
  if (entry.trust == Trust::boot_next) return Method::boot_and_save;
  if (states_.kept(*state)) return Method::restore;
  if (!states_.comes(*state)) return Method::boot_and_save;
  states_.wait_for(*state, domain.prefix);
  return std::nullopt;
}

/// Whether a domain that was used is better stopped than destroyed: it can go back, or its spare takes its place.
bool Scheduler::worth_pausing(const Domain& domain, const DomainEntry& entry) const {
  if (is<domain_state::Broken>(entry.state) || entry.trust == Trust::boot_next) return false;
  const auto state = state_of(domain, entry);
  if (!state) return false;
  if (held_by(entry.state) == state) return true;
  if (const auto* ready = std::get_if<spare_state::Ready>(&entry.spare)) return ready->state == *state;
  const auto* preparing = std::get_if<spare_state::Preparing>(&entry.spare);
  return preparing != nullptr && preparing->state == *state;
}

// ---- steps ----

/// Takes the next step towards a clean domain, whatever it is now. `quiet`: no domain of its prefix does any more what
/// a test left running.
void Scheduler::reset(PrefixEntry& prefix, const Host& host, bool quiet, Instant now) {
  using Waiting = domain_state::Waiting;
  DomainEntry& entry = prefix.domains[host];
  const Domain domain{prefix.prefix, host};
  if (is<domain_state::Broken>(entry.state)) {
    destroy(prefix, host);
  } else if (at_rest(entry.state)) {
    go_back(prefix, host, quiet, now);
  } else if (is_off(entry.state)) {
    if (!for_clients(prefix) && waits_for_memory()) {
      entry.state = Waiting{Waiting::For::memory};
      return;
    }
    const auto method = method_for(domain, entry);
    if (!method)
      entry.state = Waiting{Waiting::For::save};
    else if (!is_boot(*method) && !quiet)
      entry.state = Waiting{Waiting::For::quiet};
    else
      submit_reset(prefix, host, *method, now);
  }
}

/// The quickest way for a domain that is up. A spare that is nearly ready is quicker than going back in place; one that
/// is being started is quicker than starting the domain anew.
void Scheduler::go_back(PrefixEntry& prefix, const Host& host, bool quiet, Instant now) {
  DomainEntry& entry = prefix.domains[host];
  const auto state = state_of({prefix.prefix, host}, entry);
  if (!state || entry.trust == Trust::boot_next) {
    destroy(prefix, host);
    return;
  }
  const bool in_place = held_by(entry.state) == state;
  if (const auto* ready = std::get_if<spare_state::Ready>(&entry.spare); ready && ready->state == *state) {
    if (quiet) submit_reset(prefix, host, Method::swap, now);
    return;
  }
  if (auto* preparing = std::get_if<spare_state::Preparing>(&entry.spare);
      preparing && preparing->state == *state && (preparing->started || !in_place)) {
    if (!std::exchange(preparing->awaited, true))
      out_.push_back(action::HurrySpare{preparing->ticket, {prefix.prefix, host}});
    return;
  }
  if (!in_place)
    destroy(prefix, host);
  else if (quiet)
    submit_reset(prefix, host, Method::load, now);
}

void Scheduler::submit_reset(PrefixEntry& prefix, const Host& host, Method method, Instant now) {
  const Domain domain{prefix.prefix, host};
  DomainEntry& entry = prefix.domains[host];
  assert(is_in_place(method) ? at_rest(entry.state) : is_off(entry.state));
  assert(method != Method::swap || is<spare_state::Ready>(entry.spare));
  const Ticket ticket = tickets_.issue(domain);
  const SavedStateId state = state_of(domain, entry).value_or(SavedStateId{});
  entry.state = domain_state::Queued{ticket, method, state, held_by(entry.state)};
  if (method == Method::boot_and_save) states_.begin_saving(state);
  const unsigned ahead = pool_.submit({ticket, domain, now, method});
  const bool boots = is_boot(method);
  const PlannedTest* test = prefix.test();
  out_.push_back(action::Tell{record::ResetQueued{.domain = domain,
                                                  .ticket = ticket,
                                                  .ahead = ahead,
                                                  .submitted = pool_.submitted(),
                                                  .pending = pool_.queued(boots) + pool_.busy(boots),
                                                  .workers = pool_.slots(boots),
                                                  .method = std::string(to_string(method)),
                                                  .test = test ? test->name : ""}});
}

void Scheduler::pause(PrefixEntry& prefix, const Host& host) {
  const Domain domain{prefix.prefix, host};
  const Ticket ticket = tickets_.issue(domain);
  DomainState& state = prefix.domains[host].state;
  assert(at_rest(state) && !is<domain_state::Broken>(state) && !is<domain_state::Paused>(state));
  state = domain_state::Pausing{ticket, held_by(state)};
  out_.push_back(action::PauseDomain{ticket, domain});
}

void Scheduler::destroy(PrefixEntry& prefix, const Host& host) {
  const Domain domain{prefix.prefix, host};
  const Ticket ticket = tickets_.issue(domain);
  DomainEntry& entry = prefix.domains[host];
  assert(at_rest(entry.state));
  entry.state = domain_state::Destroying{ticket};
  out_.push_back(action::DestroyDomain{ticket, domain});
  if (const auto* preparing = std::get_if<spare_state::Preparing>(&entry.spare)) tickets_.redeem(preparing->ticket);
  if (!is<spare_state::None>(entry.spare) && !is<spare_state::Ending>(entry.spare))
    set_spare(entry, spare_state::Ending{});
}

/// A reset that has not begun does not happen.
void Scheduler::take_back(DomainEntry& entry) {
  if (is<domain_state::Waiting>(entry.state)) entry.state = domain_state::Off{};
  const auto* queued = std::get_if<domain_state::Queued>(&entry.state);
  if (!queued) return;
  pool_.withdraw(queued->ticket);
  tickets_.redeem(queued->ticket);
  if (queued->method == Method::boot_and_save) end_saving(queued->state);
  if (is_in_place(queued->method))
    entry.state = domain_state::Dirty{queued->holds};
  else
    entry.state = domain_state::Off{};
}

/// Takes the next step towards a domain that is off.
void Scheduler::make_off(PrefixEntry& prefix, const Host& host) {
  DomainEntry& entry = prefix.domains[host];
  take_back(entry);
  if (const auto* resetting = std::get_if<domain_state::Resetting>(&entry.state)) {
    out_.push_back(action::CancelReset{resetting->ticket});
    // Others need not wait for what it saves: it may not come to that.
    if (resetting->method == Method::boot_and_save) end_saving(resetting->state);
    entry.state = domain_state::Cancelling{resetting->ticket, resetting->method, resetting->state};
  } else if (at_rest(entry.state)) {
    destroy(prefix, host);
  }
}

/// Takes the next step towards a domain that disturbs nobody: standing still where that pays, or off.
void Scheduler::put_aside(PrefixEntry& prefix, const Host& host) {
  DomainEntry& entry = prefix.domains[host];
  take_back(entry);
  if (!at_rest(entry.state) || !worth_pausing({prefix.prefix, host}, entry) || waits_for_memory())
    make_off(prefix, host);
  else if (!is<domain_state::Paused>(entry.state))
    pause(prefix, host);
}

}  // namespace kvmtest::core
