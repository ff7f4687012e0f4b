// The scheduler's part after each event: what can be taken up now, and what is at its end.

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "core/scheduler.h"

namespace kvmtest::core {

/// Only what was touched can have something new to do. Whatever is done for one prefix may touch others.
void Scheduler::advance(Instant now) {
  give_up_after_failures(now);
  do {
    advance_touched(now);
    free_memory(now);
    start_resets(now);
  } while (open_another(now));
  start_spares();  // another prefix gains more than a spare
  give_up_if_nobody_is_left();
  finish_if_done(now);
}

void Scheduler::advance_touched(Instant now) {
  for (const Prefix& name : touched_) update_claim(entry_of(name));
  do {
    while (!touched_.empty()) {
      PrefixEntry& prefix = entry_of(touched_.extract(touched_.begin()).value());
      account(prefix, now);
      advance(prefix, now);
      update_claim(prefix);
    }
    if (memory_.take_changed()) touch_all(now);
    if (PrefixEntry* next = first_to_enter()) touch(*next, now);
  } while (!touched_.empty());
}

void Scheduler::advance(PrefixEntry& prefix, Instant now) {
  if (holds_on(prefix)) hold(prefix, now);
  if (holds_on(prefix)) return;
  if (prefix.in_run)
    advance_in_run(prefix, now);
  else
    serve_requests(prefix, now);
}

void Scheduler::advance_in_run(PrefixEntry& prefix, Instant now) {
  if (is<prefix_state::Running>(prefix.state)) return;
  if (run_->stopping()) {
    if (is<prefix_state::Holding>(prefix.state)) dismiss_clients(prefix, "the run was stopped");
    prefix.state = prefix_state::Idle{};  // an attempt that was being prepared never was
    retire(prefix);
    return;
  }
  if (const auto* cooling = std::get_if<prefix_state::CoolingDown>(&prefix.state); cooling && cooling->until <= now)
    prefix.state = prefix_state::Idle{};
  if (is<prefix_state::Awaiting>(prefix.state)) return;
  if (is<prefix_state::Idle>(prefix.state)) take_test(prefix, now);
  // A test that is being judged may come back into the queue.
  const Policy& policy = run_->plan.policy;
  const bool more_may_come = !run_->judging.empty() && (policy.retries > 0 || policy.repeat != 1) && !enough_failed();
  if (is<prefix_state::Preparing>(prefix.state))
    prepare(prefix, now);
  else if (is<prefix_state::Idle>(prefix.state) && more_may_come)
    for (auto& [host, entry] : prefix.domains) put_aside(prefix, host);
  else
    retire(prefix);
}

void Scheduler::take_test(PrefixEntry& prefix, Instant now) {
  if (run_->pending.empty() || run_->reserve.contains(prefix.prefix) || !fits(prefix, run_->pending.front())) {
    run_->idle.insert(prefix.prefix);
    return;
  }
  run_->idle.erase(prefix.prefix);
  PlannedTest test = std::move(run_->pending.front());
  run_->pending.pop_front();
  prefix.state = prefix_state::Preparing{next_attempt_, std::move(test), now, now, {}, {}};
  ++next_attempt_.value;
  update_claim(prefix);
}

void Scheduler::prepare(PrefixEntry& prefix, Instant now) {
  const auto& preparing = std::get<prefix_state::Preparing>(prefix.state);
  bool ready = true;
  for (auto& [host, entry] : prefix.domains) {
    if (needs(preparing.test, host)) continue;
    put_aside(prefix, host);
    ready = ready && (is_off(entry.state) || is<domain_state::Paused>(entry.state));
  }
  const bool quiet = bring_to_rest(prefix, preparing.test);
  for (const Host& host : preparing.test.hosts) {
    DomainEntry& entry = prefix.domains[host];
    if (!is<domain_state::Ready>(entry.state)) reset(prefix, host, quiet, now);
    ready = ready && is<domain_state::Ready>(entry.state);
  }
  if (!ready)
    std::erase(run_->at_door, prefix.prefix);
  else if (enter(prefix))
    begin_test(prefix, now);
}

/// What a test left running must not reach a neighbour that is clean already: all that was used stands still, or is
/// off, before the first domain goes back. Whether that is so.
bool Scheduler::bring_to_rest(PrefixEntry& prefix, const PlannedTest& test) {
  bool quiet = true;
  for (auto& [host, entry] : prefix.domains) {
    if (needs(test, host)) {
      if (is<domain_state::Broken>(entry.state))
        destroy(prefix, host);
      else if (is<domain_state::Dirty>(entry.state) && worth_pausing({prefix.prefix, host}, entry))
        pause(prefix, host);
      else if (is<domain_state::Dirty>(entry.state))
        destroy(prefix, host);
    }
    quiet = quiet && !is<domain_state::Pausing>(entry.state) && !is<domain_state::Destroying>(entry.state);
  }
  return quiet;
}

void Scheduler::begin_test(PrefixEntry& prefix, Instant now) {
  auto preparing = std::get<prefix_state::Preparing>(std::move(prefix.state));
  const PlannedTest& test = preparing.test;
  assert(prefix.in_run && !run_->stopping());
  for (const Host& host : test.hosts) {
    DomainState& state = prefix.domains[host].state;
    assert(is<domain_state::Ready>(state));
    state = domain_state::Dirty{std::get<domain_state::Ready>(state).holds};
  }
  out_.push_back(
      action::RunTest{preparing.attempt, test.index, prefix.prefix, test.attempts + 1, now - preparing.since});
  run_->running.emplace(preparing.attempt, prefix.prefix);
  if (test.beside) run_->bounded.emplace(preparing.attempt, *test.beside);
  governor_.begin(preparing.attempt);
  if (run_->opening.erase(prefix.prefix) > 0) admission_.reserve();
  // Whichever test comes next is likely to need the same hosts; behind the last one there is nothing to be ready for,
  // and less to destroy.
  if (run_->plan.spares > 0) {
    const bool more = !run_->pending.empty() || run_->plan.policy.repeat != 1;
    if (more)
      want_spares(prefix.prefix, test);
    else
      for (auto& [host, entry] : prefix.domains) discard_spare({prefix.prefix, host}, entry);
  }
  prefix.state = prefix_state::Running{preparing.attempt, std::move(preparing.test), now, preparing.split, {}};
}

void Scheduler::serve_requests(PrefixEntry& prefix, Instant now) {
  for (auto& [host, entry] : prefix.domains) {
    if (!entry.unwanted_by.empty()) {
      make_off(prefix, host);
      if (!is_off(entry.state)) continue;
      answer(entry.unwanted_by, std::nullopt);
    }
    if (!entry.wanted_by.empty()) reset(prefix, host, true, now);
  }
}

void Scheduler::retire(PrefixEntry& prefix) {
  for (auto& [host, entry] : prefix.domains) make_off(prefix, host);
}

void Scheduler::start_resets(Instant now) {
  if (one_alone()) return;
  while (auto job = pool_.start_next(may_start())) {
    if (!is_in_place(job->method)) admission_.reserve();
    PrefixEntry& prefix = entry_of(job->domain.prefix);
    account(prefix, now);
    DomainEntry& entry = prefix.domains[job->domain.host];
    const auto queued = std::get<domain_state::Queued>(entry.state);
    assert(queued.ticket == job->ticket && queued.method == job->method);
    action::ResetDomain order{job->ticket, job->domain, now - job->since, job->method, {}, queued.state};
    if (const auto* preparing = std::get_if<prefix_state::Preparing>(&prefix.state);
        preparing && needs(preparing->test, job->domain.host))
      order.attempt = preparing->attempt;
    entry.state = domain_state::Resetting{job->ticket, job->method, queued.state, queued.holds, order.waited};
    out_.push_back(std::move(order));
  }
}

void Scheduler::give_up_if_nobody_is_left() {
  if (!run_ || run_->stopping() || run_->pending.empty()) return;
  bool held = false;
  bool quarantined = false;
  for (const auto& [name, prefix] : prefixes_) {
    if (!prefix.in_run) continue;
    held = held || is<prefix_state::Holding>(prefix.state);
    quarantined = quarantined || is<prefix_state::Quarantined>(prefix.state);
    if (!is<prefix_state::Holding>(prefix.state) && !is<prefix_state::Quarantined>(prefix.state)) return;
  }
  for (const PlannedTest& test : run_->pending)
    out_.push_back(action::ReportUntested{
        test.index, held ? "every prefix holds what a failure left, or is out of use" : "every prefix is out of use"});
  run_->pending.clear();
  run_->infrastructure_failed = quarantined;
}

void Scheduler::finish_if_done(Instant now) {
  if (!run_ || !run_->judging.empty()) return;
  if (!run_->stopping() && !run_->pending.empty()) return;
  for (const auto& [name, prefix] : prefixes_) {
    if (!prefix.in_run) continue;
    if (prefix.test() != nullptr && !is<prefix_state::Holding>(prefix.state)) return;
    for (const auto& [host, entry] : prefix.domains)
      if (!is_off(entry.state) && !held(prefix, host)) return;
  }
  assert(run_->running.empty());
  std::optional<record::Outcome> outcome = run_->stopping()              ? record::Outcome::stopped
                                           : run_->infrastructure_failed ? record::Outcome::infrastructure
                                                                         : record::Outcome::completed;
  if (run_->stays_open) outcome.reset();
  out_.push_back(action::FinishRun{run_->plan.run, outcome});
  for (auto& [name, prefix] : prefixes_) {
    if (!prefix.in_run) continue;
    prefix.in_run = false;
    if (!is<prefix_state::Holding>(prefix.state)) prefix.state = prefix_state::Idle{};
    touched_.insert(name);  // clients may have its domains now
  }
  run_.reset();
  start_resets(now);  // clients' that waited for processors beside it
}

}  // namespace kvmtest::core
