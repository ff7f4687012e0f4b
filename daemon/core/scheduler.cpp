// The scheduler: what each event means. What follows from it, whatever it was, is in scheduler_advance.cpp.

#include "core/scheduler.h"

#include <algorithm>
#include <utility>

namespace kvmtest::core {
namespace {

constexpr unsigned destroy_tries = 3;

}  // namespace

Actions Scheduler::handle(const Event& event, Instant now) {
  account(now);
  std::visit([&](const auto& e) { on(e, now); }, event);
  advance(now);
  return std::exchange(out_, {});
}

std::optional<Instant> Scheduler::next_deadline() const {
  std::optional<Instant> next;
  if (!run_ || run_->stopping) return next;
  for (const auto& [prefix, worker] : workers_)
    if (const auto* cooling = std::get_if<worker_state::CoolingDown>(&worker.state))
      next = next ? std::min(*next, cooling->until) : cooling->until;
  return next;
}

// ---- what happened ----

void Scheduler::on(const event::RunSubmitted& e, Instant) {
  if (run_) return;  // the engine refuses a second run before it comes here
  run_.emplace(e.plan);
  pool_.set_slots(e.plan.slots, e.plan.quick_slots);
  pool_.begin_count();
  states_.kept = e.plan.states.kept;
  not_savable_.clear();
  for (const Prefix& prefix : e.plan.prefixes) {
    TestWorker& worker = worker_of(prefix);
    worker.state = worker_state::Idle{};
    worker.faults = 0;
    for (auto& [host, entry] : worker.domains) {
      answer(entry.wanted_by, "a run has started on prefix '" + prefix.value + "'");
      answer(entry.unwanted_by, "a run has started on prefix '" + prefix.value + "'");
      entry.snapshot_failures = 0;
      states_.of.erase({prefix, host});
      take_back(entry);
      // Lent out or idle since some earlier time: not known to be clean.
      if (auto* ready = std::get_if<domain_state::Ready>(&entry.state))
        entry.state = domain_state::Dirty{.holds = std::move(ready->holds)};
      else if (auto* dirty = std::get_if<domain_state::Dirty>(&entry.state))
        dirty->lent = false;
    }
  }
  for (const auto& [domain, state] : e.plan.states.of) states_.of.insert_or_assign(domain, state);
  for (const PlannedTest& test : e.plan.tests)
    if (e.plan.policy.repeat != 1) count_failure(test.index, test.so_far.worst);
}

void Scheduler::on(const event::StopRequested& e, Instant) {
  if (!run_) return;
  run_->release = run_->stopping ? run_->release || e.release : e.release;
  if (run_->stopping) return;
  run_->stopping = true;
  for (auto& [prefix, worker] : workers_)
    if (const auto* running = std::get_if<worker_state::Running>(&worker.state); running && in_run(worker))
      out_.push_back(action::CancelTest{running->attempt});
}

void Scheduler::on(const event::DomainReset& e, Instant) {
  const auto found = find<domain_state::Resetting>(e.ticket);
  if (!found) return;
  pool_.finished(e.ticket);
  DomainEntry& entry = *found->entry;
  const auto resetting = std::get<domain_state::Resetting>(entry.state);
  if (resetting.method == Method::boot_and_save) {
    if (e.saved) {
      states_.kept.insert(resetting.state);
      not_savable_.erase(resetting.state);
    } else {
      not_savable_.insert(resetting.state);
      count_snapshot_failure(*found->worker, *found->host, e.not_saved);
    }
  }
  if (is_boot(resetting.method)) entry.boot_next = false;
  std::optional<StateId> holds;
  if (e.saved || !is_boot(resetting.method)) holds = resetting.state;
  if (resetting.unwanted) {
    entry.state = domain_state::Dirty{};
  } else if (!entry.wanted_by.empty()) {
    entry.state = domain_state::Dirty{.holds = holds, .lent = true};  // from now on somebody types into it
    answer(entry.wanted_by, std::nullopt);
  } else {
    entry.state = domain_state::Ready{holds};
  }
}

void Scheduler::on(const event::DomainResetFailed& e, Instant now) {
  const auto found = find<domain_state::Resetting>(e.ticket);
  if (!found) return;
  pool_.finished(e.ticket);
  auto& [worker, host, entry] = *found;
  const auto resetting = std::get<domain_state::Resetting>(entry->state);
  entry->state = domain_state::Dirty{};
  if (e.state_lost) states_.kept.erase(resetting.state);
  if (resetting.unwanted) return;

  auto* preparing = std::get_if<worker_state::Preparing>(&worker->state);
  if (preparing && !needs(preparing->test, *host)) preparing = nullptr;
  action::ReportResetFailed report{e.ticket, found->domain(), e.fault, e.reason, false, resetting.method, {}};
  if (preparing) report.attempt = preparing->attempt;
  if (!is_boot(resetting.method)) {
    // Nobody is to blame yet: a boot comes next, and that one counts.
    report.again = true;
    out_.push_back(std::move(report));
    entry->boot_next = true;
    count_snapshot_failure(*worker, *host, e.reason);
    return;
  }
  if (!preparing) {
    out_.push_back(std::move(report));
    answer(entry->wanted_by, e.reason);
    return;
  }
  report.again = may_reset_again(*preparing, *host, e.fault);
  const bool again = report.again;
  out_.push_back(std::move(report));
  if (!again) end_preparing(*worker, *host, e.fault, e.reason, now);
}

void Scheduler::on(const event::DomainPaused& e, Instant) {
  const auto found = find<domain_state::Pausing>(e.ticket);
  if (!found) return;
  const auto holds = std::get<domain_state::Pausing>(found->entry->state).holds;
  if (holds)
    found->entry->state = domain_state::Paused{*holds};
  else
    found->entry->state = domain_state::Dirty{};
}

void Scheduler::on(const event::DomainPauseFailed& e, Instant) {
  const auto found = find<domain_state::Pausing>(e.ticket);
  if (found) found->entry->state = domain_state::Dirty{};  // it is destroyed, and nothing is lost but some time
}

void Scheduler::on(const event::DomainDestroyed& e, Instant) {
  const auto found = find<domain_state::Destroying>(e.ticket);
  if (!found) return;
  found->entry->state = domain_state::Off{};
  found->entry->destroy_failures = 0;
}

void Scheduler::on(const event::DomainDestroyFailed& e, Instant now) {
  const auto found = find<domain_state::Destroying>(e.ticket);
  if (!found) return;
  auto& [worker, host, entry] = *found;
  entry->state = domain_state::Dirty{};
  if (++entry->destroy_failures >= destroy_tries) {
    // Nothing more to try. What is left is found again by its owner's mark; a reset of it fails, and says why.
    out_.push_back(action::ReportLeftover{found->domain(), e.reason});
    entry->state = domain_state::Off{};
    entry->destroy_failures = 0;
    answer(entry->unwanted_by, e.reason);
  }
  if (is<worker_state::Preparing>(worker->state)) end_with_host_fault(*worker, host->value, e.reason, now);
}

void Scheduler::on(const event::DomainLost& e, Instant now) {
  const auto worker = workers_.find(e.domain.prefix);
  if (worker == workers_.end()) return;
  const auto entry = worker->second.domains.find(e.domain.host);
  if (entry == worker->second.domains.end()) return;
  DomainState& state = entry->second.state;
  if (const auto* queued = std::get_if<domain_state::Queued>(&state); queued && queued->method == Method::load)
    take_back(entry->second);
  if (auto* pausing = std::get_if<domain_state::Pausing>(&state)) pausing->holds.reset();
  const bool ready = is<domain_state::Ready>(state);
  const bool up = ready || is<domain_state::Dirty>(state) || is<domain_state::Paused>(state);
  if (for_clients(worker->second)) {
    if (up) destroy(worker->second, e.domain.host);  // so that the next client who wants it gets a live one
    return;
  }
  if (up) state = domain_state::Dirty{};
  // Before its test it counts like a failed reset, or two domains that never stay up would be reset in turn for ever.
  if (auto* preparing = std::get_if<worker_state::Preparing>(&worker->second.state);
      preparing && ready && !may_reset_again(*preparing, e.domain.host, e.fault)) {
    end_preparing(worker->second, e.domain.host, e.fault, e.reason, now);
    return;
  }
  // A script may be busy on another domain and take the loss for a result. A guest's own end is a result.
  auto* running = std::get_if<worker_state::Running>(&worker->second.state);
  if (running && e.fault == Fault::host && needs(running->test, e.domain.host) && !running->host_fault) {
    running->host_fault = Issue{e.domain.host.value, {}, e.reason};
    out_.push_back(action::CancelTest{running->attempt});
  }
}

void Scheduler::on(const event::TestRan& e, Instant now) {
  if (!run_) return;
  for (auto& [prefix, worker] : workers_) {
    auto* running = std::get_if<worker_state::Running>(&worker.state);
    if (!running || running->attempt != e.attempt) continue;
    running->split.test = now - running->since;
    if (running->host_fault) {
      on(event::TestAborted{e.attempt, {}, {}}, now);
      return;
    }
    out_.push_back(action::JudgeTest{e.attempt, running->test.index});
    PlannedTest test = std::move(running->test);
    run_->judging.emplace(e.attempt, Judging{test, prefix, now, running->split});
    if (run_->plan.policy.keep_failed)
      worker.state = worker_state::Awaiting{.attempt = e.attempt, .test = std::move(test)};
    else
      worker.state = worker_state::Idle{};
    worker.faults = 0;
    return;
  }
}

void Scheduler::on(const event::TestAborted& e, Instant now) {
  if (!run_) return;
  for (auto& [prefix, worker] : workers_) {
    auto* running = std::get_if<worker_state::Running>(&worker.state);
    if (!running || running->attempt != e.attempt) continue;
    running->split.test = now - running->since;
    if (run_->stopping)
      worker.state = worker_state::Idle{};
    else if (const auto fault = running->host_fault)
      end_with_host_fault(worker, fault->host, fault->detail, now);
    else
      end_with_host_fault(worker, e.host, e.reason, now);
    return;
  }
}

void Scheduler::on(const event::AttemptJudged& e, Instant now) {
  if (!run_) return;
  const auto found = run_->judging.find(e.attempt);
  if (found == run_->judging.end()) return;
  Judging judging = std::move(found->second);
  run_->judging.erase(found);
  judging.split.judging = now - judging.since;
  const bool final = report({.attempt = e.attempt,
                             .prefix = judging.prefix,
                             .verdict = e.verdict,
                             .issues = e.issues,
                             .split = judging.split},
                            std::move(judging.test));
  const bool bad = e.verdict == Verdict::failed || e.verdict == Verdict::unresolved;
  end_awaiting(worker_of(judging.prefix), e.attempt, final && bad);
}

void Scheduler::on(const event::DomainRequested& e, Instant) {
  TestWorker& worker = worker_of(e.domain.prefix);
  if (!for_clients(worker)) {
    out_.push_back(action::AnswerRequest{e.request, "a run is using prefix '" + e.domain.prefix.value + "'"});
    return;
  }
  if (!run_) pool_.set_slots(e.slots, e.slots);
  states_.of.erase(e.domain);
  states_.of.insert(e.states.of.begin(), e.states.of.end());
  states_.kept.insert(e.states.kept.begin(), e.states.kept.end());
  DomainEntry& entry = worker.domains[e.domain.host];
  take_back(entry);  // what it was to become may have changed; it is queued again
  auto* dirty = std::get_if<domain_state::Dirty>(&entry.state);
  auto* ready = std::get_if<domain_state::Ready>(&entry.state);
  if (!e.fresh && (ready || (dirty && dirty->lent))) {
    entry.state = domain_state::Dirty{.holds = ready ? ready->holds : dirty->holds, .lent = true};
    out_.push_back(action::AnswerRequest{e.request, std::nullopt});
    return;
  }
  entry.wanted_by.push_back(e.request);
}

void Scheduler::on(const event::DestroyRequested& e, Instant) {
  TestWorker& worker = worker_of(e.domain.prefix);
  if (!for_clients(worker)) {
    out_.push_back(action::AnswerRequest{e.request, "a run is using prefix '" + e.domain.prefix.value + "'"});
    return;
  }
  DomainEntry& entry = worker.domains[e.domain.host];
  answer(entry.wanted_by, "somebody destroyed the domain meanwhile");
  entry.unwanted_by.push_back(e.request);
}

void Scheduler::on(const event::DeadlinePassed&, Instant) {}  // advance() looks at the time by itself

// ---- single steps ----

/// Whether the attempt that lost this domain, or a reset of it, goes on: only while the guest is to blame, and not too
/// often.
bool Scheduler::may_reset_again(worker_state::Preparing& preparing, const Host& host, Fault fault) {
  return fault == Fault::guest && ++preparing.boot_failures[host] < run_->plan.policy.boot_tries;
}

void Scheduler::end_preparing(TestWorker& worker, const Host& host, Fault fault, const std::string& reason,
                              Instant now) {
  if (fault == Fault::host)
    end_with_host_fault(worker, host.value, reason, now);
  else
    boot_failed(worker, host, reason, now);
}

void Scheduler::boot_failed(TestWorker& worker, const Host& host, const std::string& reason, Instant now) {
  auto preparing = std::get<worker_state::Preparing>(std::exchange(worker.state, worker_state::Idle{}));
  report({.attempt = preparing.attempt,
          .prefix = worker.prefix,
          .verdict = Verdict::unresolved,
          .issues = {{host.value, issue::boot_failed, reason}},
          .split = preparing.split},
         std::move(preparing.test));
  count_fault(worker, reason, now);
}

/// Reports an attempt that says something of its test, and queues the next one if there is to be one: a retry before
/// all others, for it may be long, a repetition behind them. Returns whether this was the last one.
bool Scheduler::report(action::ReportVerdict verdict, PlannedTest test) {
  const Policy& policy = run_->plan.policy;
  SoFar& so_far = test.so_far;
  verdict.test = test.index;
  verdict.number = ++test.attempts;
  ++so_far.counted;
  so_far.worst = worse(so_far.worst, verdict.verdict);
  const bool good = verdict.verdict == Verdict::passed;
  const bool retry = !good && so_far.counted <= policy.retries;
  const bool more = policy.repeat == 0 || so_far.counted < policy.repeat;
  const bool repeat = more && (good || !policy.until_fail);
  so_far.stumbled = so_far.stumbled || !good;

  // What does not apply here will not do so the next time.
  const bool never = run_->stopping || enough_failed() || verdict.verdict == Verdict::unsupported;
  verdict.final = never || !(retry || repeat);
  verdict.test_verdict = policy.repeat == 1 ? verdict.verdict : so_far.worst;
  // A repetition cannot make good what one attempt was found to be; a retry can.
  if (verdict.final || policy.repeat != 1) count_failure(test.index, verdict.test_verdict);
  verdict.flaky = verdict.final && so_far.stumbled && verdict.test_verdict == Verdict::passed;
  const bool again = !verdict.final;
  out_.push_back(std::move(verdict));
  if (!again) return true;
  run_->host_faults.erase(test.index);
  if (retry)
    run_->pending.push_front(std::move(test));
  else
    run_->pending.push_back(std::move(test));
  return false;
}

void Scheduler::end_with_host_fault(TestWorker& worker, const std::string& host, const std::string& reason,
                                    Instant now) {
  const auto end = [&](auto&& state) {
    PlannedTest test = state.test;
    const bool again = ++run_->host_faults[test.index] <= run_->plan.policy.host_fault_retries && !enough_failed();
    ++test.attempts;
    test.so_far.stumbled = true;
    out_.push_back(action::ReportVerdict{.attempt = state.attempt,
                                         .test = test.index,
                                         .prefix = worker.prefix,
                                         .number = test.attempts,
                                         .verdict = Verdict::unresolved,
                                         .issues = {{host, issue::host_fault, reason}},
                                         .split = state.split,
                                         .final = !again,
                                         .test_verdict = worse(test.so_far.worst, Verdict::unresolved)});
    if (!again) count_failure(test.index, Verdict::unresolved);
    if (again) run_->pending.push_front(std::move(test));
  };
  if (auto* preparing = std::get_if<worker_state::Preparing>(&worker.state))
    end(*preparing);
  else if (auto* running = std::get_if<worker_state::Running>(&worker.state))
    end(*running);
  count_fault(worker, reason, now);
}

void Scheduler::count_fault(TestWorker& worker, const std::string& reason, Instant now) {
  const Policy& policy = run_->plan.policy;
  if (++worker.faults >= policy.quarantine_after) {
    worker.state = worker_state::Quarantined{reason};
    out_.push_back(action::ReportQuarantine{worker.prefix, reason});
    return;
  }
  worker.state = worker_state::CoolingDown{now + policy.cool_down * (1U << std::min(worker.faults - 1, 10U))};
}

/// Charges the time since the last event to what each group that is being prepared was doing.
void Scheduler::account(Instant now) {
  for (auto& [prefix, worker] : workers_) {
    auto* preparing = std::get_if<worker_state::Preparing>(&worker.state);
    if (!preparing) continue;
    // Waiting is all that is left to do: some domain queues, and none is being destroyed or reset.
    bool queued = false;
    bool busy = false;
    for (const Host& host : preparing->test.hosts) {
      const DomainState& state = worker.domains[host].state;
      queued |= is<domain_state::Queued>(state) || is<domain_state::Off>(state);  // off: for a state, or for memory
      busy |= is<domain_state::Resetting>(state) || is<domain_state::Destroying>(state);
    }
    (queued && !busy ? preparing->split.waiting : preparing->split.reset) += now - preparing->accounted;
    preparing->accounted = now;
  }
}

void Scheduler::answer(std::vector<RequestId>& waiting, const std::optional<std::string>& error) {
  for (const RequestId request : std::exchange(waiting, {})) out_.push_back(action::AnswerRequest{request, error});
}

bool Scheduler::in_run(const TestWorker& worker) const {
  if (!run_) return false;
  const auto& prefixes = run_->plan.prefixes;
  return std::find(prefixes.begin(), prefixes.end(), worker.prefix) != prefixes.end();
}

TestWorker& Scheduler::worker_of(const Prefix& prefix) {
  TestWorker& worker = workers_[prefix];
  worker.prefix = prefix;
  return worker;
}

template <class State>
std::optional<Scheduler::Found> Scheduler::find(Ticket ticket) {
  for (auto& [prefix, worker] : workers_)
    for (auto& [host, entry] : worker.domains)
      if (const auto* state = std::get_if<State>(&entry.state); state && state->ticket == ticket)
        return Found{&worker, &host, &entry};
  return std::nullopt;
}

}  // namespace kvmtest::core
