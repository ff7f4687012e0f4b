// The scheduler: what each event of runs, tests and clients means. Those of domains are in scheduler_domains.cpp; what
// follows from any of them is in scheduler_advance.cpp.

#include "core/scheduler.h"

#include <algorithm>
#include <utility>

namespace kvmtest::core {

Actions Scheduler::handle(const Event& event, Instant now) {
  while (!cooling_down_.empty() && cooling_down_.begin()->first <= now)
    touch(entry_of(cooling_down_.extract(cooling_down_.begin()).value().second), now);
  std::visit([&](const auto& e) { on(e, now); }, event);
  advance(now);
  return std::exchange(out_, {});
}

std::optional<Instant> Scheduler::next_deadline() const {
  if (!run_ || run_->stopping() || cooling_down_.empty()) return std::nullopt;
  return cooling_down_.begin()->first;
}

// ---- runs ----

void Scheduler::on(const event::RunSubmitted& e, Instant now) {
  if (run_) return;  // the engine refuses a second run before it comes here
  run_.emplace(e.plan);
  governor_.set(e.plan.sharing);
  admission_.begin_run(e.plan.admission);
  if (e.plan.admission.prefixes) run_->reserve = {e.plan.prefixes.begin(), e.plan.prefixes.end()};
  pool_.set_slots(e.plan.slots, e.plan.quick_slots);
  pool_.begin_count();
  states_.begin_run(e.plan.states);
  cooling_down_.clear();
  for (const Prefix& name : e.plan.prefixes) {
    PrefixEntry& prefix = entry_of(name);
    prefix.in_run = true;
    prefix.state = prefix_state::Idle{};
    prefix.faults = 0;
    dismiss_clients(prefix, "a run has started on prefix '" + name.value + "'");
    for (auto& [host, entry] : prefix.domains) {
      states_.assign({name, host}, e.plan.states);
      entry.snapshot_failures = 0;
      entry.spare_failures = 0;
      take_back(entry);
      // Lent out or idle since some earlier time: not known to be clean.
      if (is<domain_state::Ready>(entry.state) || is<domain_state::Lent>(entry.state))
        entry.state = domain_state::Dirty{held_by(entry.state)};
    }
  }
  for (const Domain& domain : e.stuck) set_stuck(entry_of(domain.prefix), {domain.host});
  for (const auto& [domain, state] : e.plan.states.of) states_.assign(domain, e.plan.states);
  for (const PlannedTest& test : e.plan.tests)
    if (e.plan.policy.repeat != 1) count_failure(test.index, test.so_far.worst);
  touch_all(now);
}

void Scheduler::on(const event::StopRequested& e, Instant now) {
  if (!run_) return;
  const bool before = run_->stopping();
  if (e.release) run_->stage = Run::Stage::stopping_all;
  if (!before && !e.release) run_->stage = Run::Stage::stopping;
  // A person's stop is one, whatever else ends the run as well.
  run_->stays_open = e.stays_open && (!before || run_->stays_open);
  touch_all(now);
  if (before) return;
  for (const auto& [attempt, prefix] : run_->running) cancel_test(attempt);
}

// ---- tests ----

void Scheduler::on(const event::TestRan& e, Instant now) {
  PrefixEntry* prefix = running(e.attempt, now);
  if (prefix == nullptr) return;
  auto& test = std::get<prefix_state::Running>(prefix->state);
  if (test.host_fault) {
    on(event::TestAborted{e.attempt, {}, {}, e.stuck}, now);
    return;
  }
  end_running(e.attempt);
  set_stuck(*prefix, e.stuck);
  test.split.test = now - test.since;
  out_.push_back(action::JudgeTest{e.attempt, test.test.index});
  PlannedTest planned = std::move(test.test);
  const auto beside = static_cast<unsigned>(run_->running.size());
  run_->judging.emplace(e.attempt, Judging{planned, prefix->prefix, now, test.split, beside});
  if (run_->plan.policy.keep_failed)
    prefix->state = prefix_state::Awaiting{.attempt = e.attempt, .test = std::move(planned)};
  else
    prefix->state = prefix_state::Idle{};
  prefix->faults = 0;
}

void Scheduler::on(const event::TestAborted& e, Instant now) {
  PrefixEntry* prefix = running(e.attempt, now);
  if (prefix == nullptr) return;
  end_running(e.attempt);
  set_stuck(*prefix, e.stuck);
  auto& test = std::get<prefix_state::Running>(prefix->state);
  test.split.test = now - test.since;
  if (run_->stopping())
    prefix->state = prefix_state::Idle{};
  else if (const auto fault = test.host_fault)
    end_with_host_fault(*prefix, fault->host, fault->detail, now);
  else
    end_with_host_fault(*prefix, e.host, e.reason, now);
}

void Scheduler::on(const event::AttemptJudged& e, Instant now) {
  if (!run_) return;
  auto found = run_->judging.extract(e.attempt);
  if (found.empty()) return;
  Judging& judging = found.mapped();
  judging.split.judging = now - judging.since;
  const bool bad = e.verdict == Verdict::failed || e.verdict == Verdict::unresolved;
  PrefixEntry& prefix = entry_of(judging.prefix);
  touch(prefix, now);
  const bool final = judged(std::move(judging), e, bad);
  end_awaiting(prefix, e.attempt, final && bad);
  if (run_->judging.empty()) touch_idle();  // no test comes back any more
}

/// The script does not run any more, nor stands still.
void Scheduler::end_running(AttemptId attempt) {
  run_->running.erase(attempt);
  run_->bounded.erase(attempt);
  governor_.end(attempt);
}

/// It shall end soon, and nothing does that stands still.
void Scheduler::cancel_test(AttemptId attempt) {
  if (governor_.frozen(attempt)) out_.push_back(action::ThawGroup{attempt});
  governor_.end(attempt);
  out_.push_back(action::CancelTest{attempt});
}

// ---- clients ----

void Scheduler::on(const event::DomainRequested& e, Instant now) {
  PrefixEntry& prefix = entry_of(e.domain.prefix);
  if (!for_clients(prefix)) {
    out_.push_back(action::AnswerRequest{e.request, "a run is using prefix '" + e.domain.prefix.value + "'"});
    return;
  }
  touch(prefix, now);
  if (!run_) pool_.set_slots(e.slots, e.slots);
  states_.assign(e.domain, e.states);
  if (states_.add_kept(e.states.kept)) touch_all(now);
  DomainEntry& entry = prefix.domains[e.domain.host];
  take_back(entry);  // what it was to become may have changed; it is queued again
  auto* lent = std::get_if<domain_state::Lent>(&entry.state);
  auto* ready = std::get_if<domain_state::Ready>(&entry.state);
  if (lent && e.stuck) lent->holds.reset();
  if (!e.fresh && (ready || lent)) {
    entry.state = domain_state::Lent{ready ? ready->holds : lent->holds};
    out_.push_back(action::AnswerRequest{e.request, std::nullopt});
    return;
  }
  entry.wanted_by.push_back(e.request);
}

void Scheduler::on(const event::DestroyRequested& e, Instant now) {
  PrefixEntry& prefix = entry_of(e.domain.prefix);
  if (!for_clients(prefix)) {
    out_.push_back(action::AnswerRequest{e.request, "a run is using prefix '" + e.domain.prefix.value + "'"});
    return;
  }
  touch(prefix, now);
  DomainEntry& entry = prefix.domains[e.domain.host];
  answer(entry.wanted_by, "somebody destroyed the domain meanwhile");
  entry.unwanted_by.push_back(e.request);
}

void Scheduler::on(const event::DeadlinePassed&, Instant now) { touch_all(now); }

void Scheduler::answer(std::vector<RequestId>& waiting, const std::optional<std::string>& error) {
  for (const RequestId request : std::exchange(waiting, {})) out_.push_back(action::AnswerRequest{request, error});
}

// ---- finding things ----

PrefixEntry& Scheduler::entry_of(const Prefix& prefix) {
  PrefixEntry& entry = prefixes_[prefix];
  entry.prefix = prefix;
  return entry;
}

/// The prefix that runs the attempt. Something about it is going to change.
PrefixEntry* Scheduler::running(AttemptId attempt, Instant now) {
  if (!run_) return nullptr;
  const auto found = run_->running.find(attempt);
  if (found == run_->running.end()) return nullptr;
  PrefixEntry& prefix = entry_of(found->second);
  touch(prefix, now);
  return &prefix;
}

void Scheduler::touch(PrefixEntry& prefix, Instant now) {
  account(prefix, now);
  touched_.insert(prefix.prefix);
}

void Scheduler::touch_all(Instant now) {
  for (auto& [name, prefix] : prefixes_) touch(prefix, now);
}

/// There may be something to do, or nothing any more, for those that had nothing.
void Scheduler::touch_idle() { touched_.insert(run_->idle.begin(), run_->idle.end()); }

/// Charges the time since the prefix's last change to what the group that it is preparing was doing.
void Scheduler::account(PrefixEntry& prefix, Instant now) {
  auto* preparing = std::get_if<prefix_state::Preparing>(&prefix.state);
  if (!preparing) return;
  // Waiting is all that is left to do: some domain queues, and none is being destroyed or reset.
  bool queued = false;
  bool busy = false;
  for (const Host& host : preparing->test.hosts) {
    const DomainState& state = prefix.domains[host].state;
    const auto* waiting = std::get_if<domain_state::Waiting>(&state);
    const bool quiet = waiting != nullptr && waiting->what == domain_state::Waiting::For::quiet;
    queued |= is<domain_state::Queued>(state) || (is_off(state) && !quiet);
    busy |= is<domain_state::Resetting>(state) || is<domain_state::Cancelling>(state) ||
            is<domain_state::Destroying>(state) || quiet;
  }
  (queued && !busy ? preparing->split.waiting : preparing->split.reset) += now - preparing->accounted;
  preparing->accounted = now;
}

}  // namespace kvmtest::core
