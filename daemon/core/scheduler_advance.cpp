// The scheduler's part after each event: what can be taken up now, and what is at its end.

#include <algorithm>
#include <utility>

#include "core/scheduler.h"

namespace kvmtest::core {

void Scheduler::advance(Instant now) {
  give_up_after_failures();
  do {
    withdrawn_ = false;
    advance_workers(now);
  } while (withdrawn_);
  free_memory();
  start_resets(now);
  give_up_if_nobody_is_left();
  finish_if_done();
}

void Scheduler::advance_workers(Instant now) {
  for (auto& [prefix, worker] : workers_) {
    if (keeps_on(worker)) keep(worker, now);
    if (keeps_on(worker)) continue;
    if (in_run(worker))
      advance_worker(worker, now);
    else
      serve_requests(worker, now);
  }
}

void Scheduler::advance_worker(TestWorker& worker, Instant now) {
  if (is<worker_state::Running>(worker.state)) return;
  if (run_->stopping) {
    if (is<worker_state::Keeping>(worker.state)) dismiss_clients(worker, "the run was stopped");
    worker.state = worker_state::Idle{};  // an attempt that was being prepared never was
    retire(worker);
    return;
  }
  if (const auto* cooling = std::get_if<worker_state::CoolingDown>(&worker.state); cooling && cooling->until <= now)
    worker.state = worker_state::Idle{};
  settle_awaiting(worker);
  if (is<worker_state::Awaiting>(worker.state)) return;
  if (is<worker_state::Idle>(worker.state)) take_test(worker, now);
  // A test that is being judged may come back into the queue.
  const Policy& policy = run_->plan.policy;
  const bool more_may_come = !run_->judging.empty() && (policy.retries > 0 || policy.repeat != 1) && !enough_failed();
  if (is<worker_state::Preparing>(worker.state))
    prepare(worker, now);
  else if (is<worker_state::Idle>(worker.state) && more_may_come)
    for (auto& [host, entry] : worker.domains) put_aside(worker, host);
  else
    retire(worker);
}

void Scheduler::take_test(TestWorker& worker, Instant now) {
  if (run_->pending.empty() || !fits(worker, run_->pending.front())) return;
  PlannedTest test = std::move(run_->pending.front());
  run_->pending.pop_front();
  worker.state = worker_state::Preparing{next_attempt_, std::move(test), now, now, {}, {}};
  ++next_attempt_.value;
}

void Scheduler::prepare(TestWorker& worker, Instant now) {
  auto& preparing = std::get<worker_state::Preparing>(worker.state);
  bool ready = true;
  for (auto& [host, entry] : worker.domains) {
    if (needs(preparing.test, host)) continue;
    put_aside(worker, host);
    ready = ready && (is<domain_state::Off>(entry.state) || is<domain_state::Paused>(entry.state));
  }
  for (const Host& host : preparing.test.hosts) {
    DomainEntry& entry = worker.domains[host];
    if (!is<domain_state::Ready>(entry.state)) reset(worker, host, now);
    ready = ready && is<domain_state::Ready>(entry.state);
  }
  if (!ready) return;

  for (const Host& host : preparing.test.hosts) {
    DomainState& state = worker.domains[host].state;
    state = domain_state::Dirty{.holds = std::get<domain_state::Ready>(state).holds};
  }
  out_.push_back(action::RunTest{preparing.attempt, preparing.test.index, worker.prefix, preparing.test.attempts + 1,
                                 now - preparing.since, !run_->pending.empty() || run_->plan.policy.repeat != 1});
  worker.state = worker_state::Running{preparing.attempt, preparing.test, now, preparing.split, {}};
}

void Scheduler::serve_requests(TestWorker& worker, Instant now) {
  for (auto& [host, entry] : worker.domains) {
    if (!entry.unwanted_by.empty()) {
      make_off(worker, host);
      if (!is<domain_state::Off>(entry.state)) continue;
      answer(entry.unwanted_by, std::nullopt);
    }
    if (!entry.wanted_by.empty()) reset(worker, host, now);
  }
}

void Scheduler::retire(TestWorker& worker) {
  for (auto& [host, entry] : worker.domains) make_off(worker, host);
}

void Scheduler::start_resets(Instant now) {
  while (auto job = pool_.start_next()) {
    TestWorker& worker = worker_of(job->domain.prefix);
    DomainEntry& entry = worker.domains[job->domain.host];
    const auto queued = std::get<domain_state::Queued>(entry.state);
    action::ResetDomain order{job->ticket, job->domain, now - job->since, job->method, {}, queued.state};
    if (const auto* preparing = std::get_if<worker_state::Preparing>(&worker.state);
        preparing && needs(preparing->test, job->domain.host))
      order.attempt = preparing->attempt;
    entry.state = domain_state::Resetting{job->ticket, job->method, queued.state};
    out_.push_back(std::move(order));
  }
}

void Scheduler::give_up_if_nobody_is_left() {
  if (!run_ || run_->stopping || run_->pending.empty()) return;
  bool kept = false;
  bool quarantined = false;
  for (const auto& [prefix, worker] : workers_) {
    if (!in_run(worker)) continue;
    kept = kept || is<worker_state::Keeping>(worker.state);
    quarantined = quarantined || is<worker_state::Quarantined>(worker.state);
    if (!is<worker_state::Keeping>(worker.state) && !is<worker_state::Quarantined>(worker.state)) return;
  }
  for (const PlannedTest& test : run_->pending)
    out_.push_back(action::ReportUntested{
        test.index, kept ? "every prefix keeps what a failure left, or is out of use" : "every prefix is out of use"});
  run_->pending.clear();
  run_->infrastructure_failed = quarantined;
}

void Scheduler::finish_if_done() {
  if (!run_ || !run_->judging.empty()) return;
  if (!run_->stopping && !run_->pending.empty()) return;
  for (const auto& [prefix, worker] : workers_) {
    if (!in_run(worker)) continue;
    if (worker.test() != nullptr && !is<worker_state::Keeping>(worker.state)) return;
    for (const auto& [host, entry] : worker.domains)
      if (!is<domain_state::Off>(entry.state) && !kept(worker, host)) return;
  }
  const auto outcome = run_->stopping                ? record::Outcome::stopped
                       : run_->infrastructure_failed ? record::Outcome::infrastructure
                                                     : record::Outcome::completed;
  out_.push_back(action::FinishRun{run_->plan.run, outcome});
  for (auto& [prefix, worker] : workers_)
    if (in_run(worker) && !is<worker_state::Keeping>(worker.state)) worker.state = worker_state::Idle{};
  run_.reset();
}

}  // namespace kvmtest::core
