// The scheduler's part in Policy::keep_failed: the domains of a test wait for its verdict as they are, and stay so when
// it is a bad one.

#include <algorithm>
#include <utility>

#include "core/scheduler.h"

namespace kvmtest::core {

/// The verdict of the attempt that the prefix may be waiting for.
void Scheduler::end_awaiting(TestWorker& worker, AttemptId attempt, bool keep) {
  auto* awaiting = std::get_if<worker_state::Awaiting>(&worker.state);
  if (!awaiting || awaiting->attempt != attempt) return;
  awaiting->released = true;
  if (!keep || run_->stopping) return;
  for (const Host& host : awaiting->test.hosts)
    if (auto* dirty = std::get_if<domain_state::Dirty>(&worker.domains[host].state)) dirty->lent = true;
  out_.push_back(action::ReportKept{awaiting->test.index, worker.prefix});
  worker.state = worker_state::Keeping{std::move(awaiting->test)};
}

/// Behind a verdict that lets the domains go, all of them stop before the first goes back: what a test left running
/// must not reach a neighbour that is clean already.
void Scheduler::settle_awaiting(TestWorker& worker) {
  const auto* awaiting = std::get_if<worker_state::Awaiting>(&worker.state);
  if (!awaiting || !awaiting->released) return;
  bool over = true;
  for (auto& [host, entry] : worker.domains) {
    put_aside(worker, host);
    over = over && (is<domain_state::Off>(entry.state) || is<domain_state::Paused>(entry.state));
  }
  if (over) worker.state = worker_state::Idle{};
}

/// Leaves the kept domains to clients; those of the prefix that are nobody's go. When the last one is off and nobody
/// waits for any, the prefix is free.
void Scheduler::keep(TestWorker& worker, Instant now) {
  serve_requests(worker, now);
  const PlannedTest& test = std::get<worker_state::Keeping>(worker.state).test;
  bool any = false;
  for (auto& [host, entry] : worker.domains) {
    any = any || !entry.wanted_by.empty() || !entry.unwanted_by.empty();
    if (needs(test, host))
      any = any || !is<domain_state::Off>(entry.state);
    else if (in_run(worker) && !kept(worker, host))
      make_off(worker, host);
  }
  if (any) return;
  worker.state = worker_state::Idle{};
  if (!in_run(worker)) return;
  // Clients may have had wishes of their own.
  for (auto& [host, entry] : worker.domains) {
    const Domain domain{worker.prefix, host};
    states_.of.erase(domain);
    if (const auto state = run_->plan.states.of.find(domain); state != run_->plan.states.of.end())
      states_.of.insert(*state);
    if (auto* dirty = std::get_if<domain_state::Dirty>(&entry.state)) dirty->lent = false;
  }
}

/// Whether the run leaves the domain alone, also at its end.
bool Scheduler::kept(const TestWorker& worker, const Host& host) const {
  const auto* keeping = std::get_if<worker_state::Keeping>(&worker.state);
  if (!keeping) return false;
  const auto entry = worker.domains.find(host);
  if (needs(keeping->test, host) || entry == worker.domains.end()) return true;
  const auto* dirty = std::get_if<domain_state::Dirty>(&entry->second.state);
  return !entry->second.wanted_by.empty() || !entry->second.unwanted_by.empty() || (dirty && dirty->lent);
}

/// Whether the prefix keeps what a failure left, and nobody stops it from doing so.
bool Scheduler::keeps_on(const TestWorker& worker) const {
  const bool stopped = in_run(worker) && run_->stopping && run_->release;
  return is<worker_state::Keeping>(worker.state) && !stopped;
}

/// Whether clients may have its domains: no run uses them, or it only keeps what a failure left.
bool Scheduler::for_clients(const TestWorker& worker) const { return !in_run(worker) || keeps_on(worker); }

void Scheduler::dismiss_clients(TestWorker& worker, const std::string& reason) {
  for (auto& [host, entry] : worker.domains) {
    answer(entry.wanted_by, reason);
    answer(entry.unwanted_by, reason);
  }
}

}  // namespace kvmtest::core
