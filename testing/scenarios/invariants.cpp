#include "invariants.h"

#include <algorithm>

#include "simulator/narration.h"

namespace kvmtest::scenarios {

namespace event = core::event;
using core::Domain;
using core::Fault;
using core::Host;
using core::Ticket;

void Invariants::expect(bool holds, const std::string& rule) {
  if (holds) return;
  broken_.push_back("at " + std::to_string(core::seconds(now_.time_since_epoch())) + " s: " + rule);
}

void Invariants::see(core::Instant now, const core::Event& event, const core::Actions& actions,
                     const core::Scheduler& scheduler) {
  expect(now >= now_, "time goes forward");
  now_ = now;
  std::visit([this](const auto& e) { happened(e); }, event);
  let_go();
  for (const core::Action& a : actions) {
    std::visit([this](const auto& x) { wanted(x); }, a);
    let_go();
  }
  expect(held_.next.empty(), "what failed is held when it is to be");
  if (std::holds_alternative<event::StopRequested>(event)) check_stopped(actions);
  if (const auto* load = std::get_if<event::LoadMeasured>(&event)) check_frozen(*load);
  check_pool(scheduler);
  check_reserve(scheduler);
  // Where memory is short, looking again destroys more than it must.
  if (thorough_ && (!run_ || run_->plan.memory.budget == 0)) check_nothing_is_left(scheduler);
  expect(scheduler.run_active() == run_.has_value(), "a run is active from its submission to FinishRun");
  const auto deadline = scheduler.next_deadline();
  if (std::holds_alternative<event::DeadlinePassed>(event))
    expect(!deadline || *deadline > now, "a deadline that passed is not named again");
}

void Invariants::end() {
  expect(!run_, "a run comes to its end");
  expect(history_.finished == history_.submitted, "FinishRun exactly once a run");
  expect(jobs_.resets.empty(), "every reset is answered");
  expect(jobs_.destroys.empty(), "every destruction is answered");
  expect(jobs_.pauses.empty(), "every pause is answered");
  expect(requests_.open.empty(), "every request is answered");
  for (const auto& [domain, machine] : machines_)
    expect(machine.spare == Spare::none, "no spare is left: " + domain.name());
}

/// It looks only at what an event touches; looking at everything finds nothing more to do.
void Invariants::check_nothing_is_left(const core::Scheduler& scheduler) {
  core::Scheduler copy = scheduler;
  const core::Actions left = copy.handle(event::DeadlinePassed{}, now_);
  if (!left.empty())
    expect(false,
           "nothing that can be done now is left for later: " + simulator::Narrator{}.line({now_, left.front()}));
}

/// After StopRequested: what is under way is hurried.
void Invariants::check_stopped(const core::Actions&) {
  if (!run_) return;
  for (const auto& [id, attempt] : run_->attempts)
    if (!attempt.ended) expect(attempt.cancelled, "a stop cancels the running tests");
  for (const auto& [ticket, reset] : jobs_.resets)
    if (!of_client(reset.domain.prefix)) expect(reset.cancelled, "a stop cancels the run's resets");
}

/// Beside tests that run, another prefix is taken into use only while processors are idle.
void Invariants::check_reserve(const core::Scheduler& scheduler) {
  if (!run_) return;
  std::erase_if(run_->reserve, [&](const core::Prefix& prefix) {
    if (scheduler.in_reserve(prefix)) return false;
    expect(running_tests().empty() || run_->was_idle(), "a prefix is taken into use while processors are idle");
    return true;
  });
}

/// Whether a domain is being started.
bool Invariants::any_starts() const {
  return std::any_of(jobs_.resets.begin(), jobs_.resets.end(),
                     [](const auto& each) { return !core::is_in_place(each.second.method); });
}

void Invariants::check_pool(const core::Scheduler& scheduler) {
  const core::RebootPool& pool = scheduler.pool();
  expect(pool.busy() == jobs_.resets.size(), "the pool's busy slots are the resets under way");
  // Those that are to be started may wait for processors; but something goes on meanwhile.
  const bool waits = run_ && (((run_->plan.admission.starts || run_->plan.sharing.share < 1) && any_starts()) ||
                              (run_->crowded && (any_starts() || !running_tests().empty())));
  for (const bool boots : {false, true})
    expect(pool.queued(boots) == 0 || pool.busy(boots) >= pool.slots(boots) || one_alone() || waits,
           "no job queues while a slot is free");
  expect(pool.slots(true) == pool_.slots && pool.slots(false) == pool_.quick_slots,
         "the pool has the slots it was given");
}

bool Invariants::in_run(const core::Prefix& prefix) const {
  return run_ && std::find(run_->plan.prefixes.begin(), run_->plan.prefixes.end(), prefix) != run_->plan.prefixes.end();
}

/// A prefix is free again when the domains that it holds are off and nobody waits for one of its, or when a stop says
/// so.
void Invariants::let_go() {
  std::erase_if(held_.hosts, [&](const auto& held) {
    const auto& [prefix, hosts] = held;
    const bool stopped = in_run(prefix) && run_->stopping && run_->release;
    const bool off = std::all_of(hosts.begin(), hosts.end(), [&](const Host& host) {
      return machines_[{prefix, host}].power == Power::off;
    });
    const bool wanted = std::any_of(requests_.open.begin(), requests_.open.end(),
                                    [&](const auto& request) { return request.second.prefix == prefix; });
    if (!stopped && (!off || wanted)) return false;
    if (!in_run(prefix)) return true;
    std::erase_if(states_.of, [&](const auto& state) { return state.first.prefix == prefix; });
    for (const auto& state : run_->plan.states.of)
      if (state.first.prefix == prefix) states_.of.insert(state);
    return true;
  });
}

/// Clients may have the prefix's domains: no run uses it, or it holds what a test left.
bool Invariants::of_client(const core::Prefix& prefix) const { return !in_run(prefix) || held_.hosts.contains(prefix); }

/// What waits for its verdict, or is held, stays as it is but for clients and those who stop the run.
void Invariants::check_untouched(const Domain& domain) {
  if (const auto held = held_.hosts.find(domain.prefix);
      held != held_.hosts.end() && held->second.contains(domain.host))
    expect(held_.lost.contains(domain) || std::any_of(requests_.open.begin(), requests_.open.end(),
                                                      [&](const auto& request) { return request.second == domain; }),
           "what is held stays as it is: " + domain.name());
  if (!run_ || !run_->plan.policy.keep_failed || run_->stopping) return;
  for (const auto& [id, attempt] : run_->attempts) {
    if (attempt.prefix != domain.prefix || !attempt.ended || attempt.reported || attempt.host_fault) continue;
    const auto& hosts = run_->tests[attempt.test].plan.hosts;
    expect(std::find(hosts.begin(), hosts.end(), domain.host) == hosts.end(),
           "what may have to be held waits for its verdict: " + domain.name());
  }
}

Invariants::Attempt* Invariants::running_on(const core::Prefix& prefix) {
  if (!run_) return nullptr;
  for (auto& [id, attempt] : run_->attempts)
    if (attempt.prefix == prefix && !attempt.ended) return &attempt;
  return nullptr;
}

Invariants::Attempt* Invariants::running(core::AttemptId id) {
  if (!run_) return nullptr;
  const auto found = run_->attempts.find(id);
  return found == run_->attempts.end() || found->second.ended ? nullptr : &found->second;
}

// ---- events ----

void Invariants::happened(const event::RunSubmitted& e) {
  if (run_) return;
  ++history_.submitted;
  run_ = Run{};
  run_->plan = e.plan;
  if (e.plan.admission.prefixes) run_->reserve = {e.plan.prefixes.begin(), e.plan.prefixes.end()};
  pool_.slots = std::max(1U, e.plan.slots);
  pool_.quick_slots = std::max(1U, e.plan.quick_slots);
  states_.kept = e.plan.states.kept;
  states_.failures.clear();
  std::erase_if(states_.of, [&](const auto& state) { return in_run(state.first.prefix); });
  for (const auto& [domain, state] : e.plan.states.of) states_.of.insert_or_assign(domain, state);
  for (const core::PlannedTest& test : e.plan.tests)
    run_->tests[test.index] = {.plan = test, .attempts = test.attempts, .so_far = test.so_far};
  for (auto& [domain, machine] : machines_) {
    if (!in_run(domain.prefix)) continue;
    machine.lent = false;
    held_.hosts.erase(domain.prefix);
    if (machine.power == Power::clean) machine.power = Power::used;
  }
  for (const Domain& domain : e.stuck) machines_[domain].holds.reset();
}

void Invariants::happened(const event::StopRequested& e) {
  if (!run_) return;
  run_->release = e.release || (run_->stopping && run_->release);
  run_->stays_open = e.stays_open && (run_->stays_open || !run_->stopping);
  run_->stopping = true;
}

void Invariants::reset_ended(Ticket ticket, Power power) {
  const auto reset = jobs_.resets.find(ticket);
  if (reset == jobs_.resets.end()) return;  // late
  machines_[reset->second.domain].power = reset->second.cancelled ? Power::used : power;
  jobs_.resets.erase(reset);
}

void Invariants::happened(const event::DomainReset& e) {
  if (const auto reset = jobs_.resets.find(e.ticket); reset != jobs_.resets.end()) {
    const auto& [domain, method, state, cancelled] = reset->second;
    if (core::is_boot(method)) states_.boot_next.erase(domain);
    if (e.saved) states_.kept.insert(state);
    if (method == core::Method::boot_and_save && !e.saved) ++states_.failures[domain];
    Machine& machine = machines_[domain];
    if (!cancelled && e.in_place && (e.saved || !core::is_boot(method))) machine.holds = state;
    if (method == core::Method::swap) machine.spare = Spare::left;
  }
  reset_ended(e.ticket, Power::clean);
}

void Invariants::happened(const event::DomainResetFailed& e) {
  if (const auto reset = jobs_.resets.find(e.ticket); reset != jobs_.resets.end()) {
    const auto& [domain, method, state, cancelled] = reset->second;
    if (e.state_lost) states_.kept.erase(state);
    if (method == core::Method::swap) {
      machines_[domain].spare = Spare::none;
    } else if (!core::is_boot(method) && !cancelled) {
      states_.boot_next.insert(domain);
      ++states_.failures[domain];
    }
  }
  reset_ended(e.ticket, Power::used);
}

void Invariants::happened(const event::DomainPaused& e) {
  const auto found = jobs_.pauses.find(e.ticket);
  if (found == jobs_.pauses.end()) return;
  Machine& machine = machines_[found->second];
  machine.power = Power::paused;
  machine.loose = false;
  jobs_.pauses.erase(found);
}

void Invariants::happened(const event::DomainPauseFailed& e) {
  const auto found = jobs_.pauses.find(e.ticket);
  if (found == jobs_.pauses.end()) return;
  Machine& machine = machines_[found->second];
  machine.power = Power::used;
  machine.holds.reset();
  jobs_.pauses.erase(found);
}

void Invariants::happened(const event::DomainDestroyed& e) {
  const auto found = jobs_.destroys.find(e.ticket);
  if (found == jobs_.destroys.end()) return;
  machines_[found->second] = {};
  jobs_.destroys.erase(found);
}

void Invariants::happened(const event::DomainDestroyFailed& e) {
  const auto found = jobs_.destroys.find(e.ticket);
  if (found == jobs_.destroys.end()) return;
  Machine& machine = machines_[found->second];
  machine.power = Power::used;
  machine.spare = Spare::none;
  // After three failures it is left behind, and counts as off.
  if (++machine.destroy_failures == 3) machine = {};
  jobs_.destroys.erase(found);
}

void Invariants::happened(const event::DomainLost& e) {
  Machine& machine = machines_[e.domain];
  machine.lent = false;
  machine.loose = false;
  if (held_.hosts.contains(e.domain.prefix)) held_.lost.insert(e.domain);
  if (machine.power == Power::clean || machine.power == Power::paused) machine.power = Power::used;
  if (machine.power == Power::used || machine.power == Power::pausing) machine.holds.reset();
  Attempt* attempt = running_on(e.domain.prefix);
  if (!attempt || e.fault != Fault::host) return;
  const auto& hosts = run_->tests[attempt->test].plan.hosts;
  attempt->host_fault |= std::find(hosts.begin(), hosts.end(), e.domain.host) != hosts.end();
}

Invariants::Machine* Invariants::with_spare_job(Ticket ticket) {
  const auto found = std::find_if(machines_.begin(), machines_.end(),
                                  [&](const auto& each) { return each.second.spare_job == ticket; });
  return found == machines_.end() ? nullptr : &found->second;
}

void Invariants::happened(const event::SpareReady& e) {
  Machine* machine = with_spare_job(e.ticket);
  if (!machine || machine->spare != Spare::preparing) return;
  machine->spare = Spare::ready;
  machine->spare_job.reset();
}

void Invariants::happened(const event::SpareFailed& e) {
  Machine* machine = with_spare_job(e.ticket);
  if (!machine || machine->spare != Spare::preparing) return;
  machine->spare = Spare::none;
  machine->spare_job.reset();
}

void Invariants::happened(const event::SpareDiscarded& e) {
  Machine* machine = with_spare_job(e.ticket);
  if (!machine || machine->spare != Spare::ending) return;
  machine->spare = Spare::none;
  machine->spare_job.reset();
}

/// Of a test that is over: these cannot go back while they run.
void Invariants::set_stuck(const Attempt& attempt, const std::vector<Host>& stuck) {
  for (const Host& host : stuck) machines_[{attempt.prefix, host}].holds.reset();
}

void Invariants::happened(const event::TestRan& e) {
  Attempt* attempt = running(e.attempt);
  if (!attempt) return;
  set_stuck(*attempt, e.stuck);
  attempt->ended = now_;
  attempt->beside = static_cast<unsigned>(running_tests().size());
  attempt->to_judge = !attempt->host_fault;
  // A stop ends it without a verdict.
  if (attempt->host_fault && run_->stopping) run_->tests[attempt->test].busy = false;
}

void Invariants::happened(const event::TestAborted& e) {
  Attempt* attempt = running(e.attempt);
  if (!attempt) return;
  set_stuck(*attempt, e.stuck);
  attempt->ended = now_;
  attempt->host_fault = true;
  if (run_->stopping) run_->tests[attempt->test].busy = false;
}

void Invariants::happened(const event::AttemptJudged& e) {
  if (!run_) return;
  const auto found = run_->attempts.find(e.attempt);
  if (found == run_->attempts.end()) return;
  Attempt& attempt = found->second;
  if (!attempt.ended || attempt.judged) return;
  attempt.judged = now_;
  attempt.verdict = e.verdict;
  attempt.issues = e.issues;
  const core::Policy& policy = run_->plan.policy;
  const auto ran = core::seconds(*attempt.ended - attempt.began - e.frozen);
  const core::Duration starved = core::record::of_group(e.use).starved;
  attempt.starved = starved > policy.starved_least && core::seconds(starved) > policy.starved * ran;
}

void Invariants::happened(const event::LoadMeasured& e) {
  constexpr std::size_t lately = 5;
  if (run_) {
    run_->idle.push_front(e.load.idle);
    if (run_->idle.size() > lately) run_->idle.pop_back();
    const double bound = run_->plan.admission.max_average;
    run_->crowded = bound > 0 && e.load.average > bound * e.load.processors;
  }
  for (const core::GroupLoad& group : e.load.groups)
    if (Attempt* attempt = running(group.attempt)) attempt->exempt = group.exempt;
}

/// After a measurement.
void Invariants::check_frozen(const event::LoadMeasured& e) {
  const auto tests = running_tests();
  if (tests.empty()) return;
  const auto stands = [](const Attempt* attempt) { return attempt->frozen_since.has_value(); };
  expect(!std::all_of(tests.begin(), tests.end(), stands), "some test goes on");
  // Each of the others has a turn first, which ends with the first measurement after a slice.
  const auto turn = run_->plan.sharing.slice + 2 * e.load.interval;
  const auto longest = turn * static_cast<int>(run_->plan.prefixes.size() + 1);
  for (const Attempt* attempt : tests) {
    expect(!attempt->exempt || !stands(attempt), "a test that may not stand still does not");
    expect(!stands(attempt) || now_ - *attempt->frozen_since <= longest, "no test stands still for ever");
  }
}

std::vector<Invariants::Attempt*> Invariants::running_tests() {
  std::vector<Attempt*> tests;
  if (!run_) return tests;
  for (auto& [id, attempt] : run_->attempts)
    if (!attempt.ended && !attempt.reported) tests.push_back(&attempt);
  return tests;
}

/// Whether a test runs that is to have nothing beside it.
bool Invariants::one_alone() {
  const auto tests = running_tests();
  return std::any_of(tests.begin(), tests.end(),
                     [&](const Attempt* attempt) { return run_->tests.at(attempt->test).beside == 0U; });
}

void Invariants::happened(const event::DomainRequested& e) {
  requests_.open[e.request] = e.domain;
  if (!run_) pool_.slots = pool_.quick_slots = std::max(1U, e.slots);
  if (of_client(e.domain.prefix)) {
    states_.of.erase(e.domain);
    states_.of.insert(e.states.of.begin(), e.states.of.end());
    states_.kept.insert(e.states.kept.begin(), e.states.kept.end());
  }
  if (!of_client(e.domain.prefix)) return;
  Machine& machine = machines_[e.domain];
  if (e.stuck && machine.lent) machine.holds.reset();
  if (e.fresh) machine.lent = false;
}

void Invariants::happened(const event::DestroyRequested& e) {
  requests_.open[e.request] = e.domain;
  requests_.for_destruction.insert(e.request);
}

}  // namespace kvmtest::scenarios
