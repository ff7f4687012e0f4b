#include "invariants.h"

#include <algorithm>

namespace kvmtest::scenarios {

namespace action = core::action;
using core::Domain;
using core::Host;

void Invariants::wanted(const action::Tell& a) {
  std::visit([this](const auto& record) { told(record); }, a.record);
}

void Invariants::told(const core::record::ResetQueued& queued) {
  expect(queued.ticket > jobs_.last_ticket, "tickets are new");
  jobs_.last_ticket = queued.ticket;
  jobs_.queued[queued.ticket] = queued.domain;
  const bool boots = queued.method == "boot";
  expect(queued.workers == (boots ? pool_.slots : pool_.quick_slots), "a queued job tells the pool's size");
  // While a run is on, other prefixes' jobs count too.
  if (run_) expect(queued.submitted == ++run_->submitted, "submitted counts the jobs of the run");
  expect(queued.pending == queued.ahead + 1 + under_way(boots), "pending is the queue, this job, and the busy slots");
}

void Invariants::wanted(const action::ResetDomain& a) {
  const std::string name = a.domain.name();
  Machine& machine = machines_[a.domain];
  expect(jobs_.queued.erase(a.ticket) == 1, "a reset was queued before: " + name);
  const bool boots = core::is_boot(a.method);
  core::Ticket& last = pool_.last_started[boots ? 2 : core::is_in_place(a.method) ? 0 : 1];
  expect(a.ticket > last, "first come, first served: " + name);
  last = a.ticket;
  expect(under_way(boots) < (boots ? pool_.slots : pool_.quick_slots), "slots are never exceeded: " + name);
  check_method(a);
  check_untouched(a.domain);
  held_.lost.erase(a.domain);
  if (!of_client(a.domain.prefix)) {
    expect(!run_->stopping, "nothing new starts after a stop: " + name);
    expect(!run_->out_of_use.contains(a.domain.prefix), "a prefix out of use resets nothing: " + name);
    expect(!running_on(a.domain.prefix), "nothing is reset under a running test: " + name);
    const auto resting = run_->resting.find(a.domain.prefix);
    expect(resting == run_->resting.end() || now_ >= resting->second,
           "a prefix cools down before its next reset: " + name);
  } else {
    expect(
        std::any_of(requests_.open.begin(), requests_.open.end(), [&](const auto& r) { return r.second == a.domain; }),
        "outside a run a domain is reset only when somebody waits for it: " + name);
  }
  if (!of_client(a.domain.prefix) && !boots) check_quiet(a);
  machine.power = Power::resetting;
  machine.lent = machine.loose = false;
  machine.holds.reset();
  if (!core::is_in_place(a.method)) check_memory(a.domain);
  if (run_) check_start(a);
  jobs_.resets[a.ticket] = {a.domain, a.method, a.state};
}

/// Beside what goes on, nothing begins but where processors are idle.
void Invariants::check_start(const action::ResetDomain& a) {
  const core::AdmissionRules& rules = run_->plan.admission;
  const bool beside = any_starts();
  const bool starts = !core::is_in_place(a.method);
  if ((rules.starts || run_->plan.sharing.share < 1) && starts && beside)
    expect(run_->was_idle(), "domains start side by side only while processors are idle: " + a.domain.name());
  if (starts && run_->crowded)
    expect(running_tests().empty() && !beside, "nothing starts on a machine that is crowded: " + a.domain.name());
}

/// What a test left running must not reach a domain that goes back.
void Invariants::check_quiet(const action::ResetDomain& a) {
  for (const auto& [domain, machine] : machines_)
    if (domain.prefix == a.domain.prefix)
      expect(!machine.loose, "what a test used stands still before another goes back: " + domain.name());
}

unsigned Invariants::under_way(bool boots) const {
  return static_cast<unsigned>(std::count_if(jobs_.resets.begin(), jobs_.resets.end(), [&](const auto& reset) {
    return core::is_boot(reset.second.method) == boots;
  }));
}

void Invariants::check_method(const action::ResetDomain& a) {
  const std::string name = a.domain.name();
  const Machine& machine = machines_[a.domain];
  if (core::is_in_place(a.method)) {
    expect(machine.power == Power::clean || machine.power == Power::used || machine.power == Power::paused,
           "only a domain that is up goes back: " + name);
    if (a.method == core::Method::load)
      expect(machine.holds == a.state, "a domain goes back to the state that it holds: " + name);
    else
      expect(machine.spare == Spare::ready && machine.spare_state == a.state,
             "a spare that takes its domain's place waits in that state: " + name);
  } else {
    expect(machine.power == Power::off, "a domain is off before its reset: " + name);
  }
  if (a.method == core::Method::boot) return;
  expect(!states_.boot_next.contains(a.domain) || core::is_boot(a.method),
         "a boot follows when going back failed: " + name);
  const auto state = states_.of.find(a.domain);
  expect(state != states_.of.end() && state->second == a.state, "a domain gets the state it is to have: " + name);
  if (run_ && in_run(a.domain.prefix))
    expect(states_.failures[a.domain] < run_->plan.policy.snapshot_failures,
           "a domain whose snapshots failed too often is only booted: " + name);
}

/// Beyond the memory's budget there is nothing but one group. What clients outside the run bring up is their business.
void Invariants::check_memory(const Domain& domain) {
  if (!run_ || run_->plan.memory.budget == 0 || of_client(domain.prefix)) return;
  std::uint64_t bytes = 0;
  bool others = false;
  for (const auto& [each, machine] : machines_) {
    if (machine.power == Power::off || of_client(each.prefix)) continue;
    const auto need = run_->plan.memory.need.find(each.host);
    if (need == run_->plan.memory.need.end() || need->second == 0) continue;
    bytes += need->second;
    others = others || each.prefix != domain.prefix;
  }
  expect(bytes <= run_->plan.memory.budget || !others, "memory is not promised twice: " + domain.name());
}

void Invariants::wanted(const action::CancelReset& a) {
  const auto reset = jobs_.resets.find(a.ticket);
  expect(reset != jobs_.resets.end(), "only a reset under way is cancelled");
  if (reset == jobs_.resets.end()) return;
  expect(!reset->second.cancelled, "a reset is cancelled once: " + reset->second.domain.name());
  reset->second.cancelled = true;
}

void Invariants::wanted(const action::PauseDomain& a) {
  const std::string name = a.domain.name();
  Machine& machine = machines_[a.domain];
  expect(a.ticket > jobs_.last_ticket, "tickets are new");
  jobs_.last_ticket = a.ticket;
  expect(machine.power == Power::clean || machine.power == Power::used || machine.power == Power::paused,
         "only a domain that is up is paused: " + name);
  const bool spare = machine.spare == Spare::ready || machine.spare == Spare::preparing;
  expect(machine.holds.has_value() || spare, "only what can go back is paused: " + name);
  check_untouched(a.domain);
  expect(!of_client(a.domain.prefix) && !running_on(a.domain.prefix), "a pause comes between tests: " + name);
  machine.power = Power::pausing;
  jobs_.pauses[a.ticket] = a.domain;
}

void Invariants::wanted(const action::DestroyDomain& a) {
  const std::string name = a.domain.name();
  Machine& machine = machines_[a.domain];
  expect(a.ticket > jobs_.last_ticket, "tickets are new");
  jobs_.last_ticket = a.ticket;
  expect(machine.power == Power::clean || machine.power == Power::used || machine.power == Power::paused,
         "only a domain that is up is destroyed: " + name);
  check_untouched(a.domain);
  if (machine.power != Power::paused)
    expect(running_on(a.domain.prefix) == nullptr, "nothing is destroyed under a running test: " + name);
  machine.power = Power::destroying;
  machine.lent = false;
  machine.holds.reset();
  if (machine.spare != Spare::none && machine.spare != Spare::ending) {
    machine.spare = Spare::ending;
    machine.spare_job.reset();
  }
  jobs_.destroys[a.ticket] = a.domain;
}

void Invariants::check_spare(const action::PrepareSpare& a) {
  const std::string name = a.domain.name();
  const Attempt* attempt = running_on(a.domain.prefix);
  expect(attempt != nullptr && core::needs(run_->tests[attempt->test].plan, a.domain.host),
         "a spare is made ready while a test runs on its domain: " + name);
  expect(!run_->stopping, "no spare is made ready after a stop: " + name);
  const auto state = states_.of.find(a.domain);
  expect(state != states_.of.end() && state->second == a.state && states_.kept.contains(a.state),
         "a spare gets its domain's state, which is kept: " + name);
  expect(std::all_of(jobs_.resets.begin(), jobs_.resets.end(),
                     [](const auto& reset) { return core::is_in_place(reset.second.method); }),
         "no spare is made ready while a domain is being started: " + name);
  const auto count = [&](auto counts) {
    return std::count_if(machines_.begin(), machines_.end(), [&](const auto& each) { return counts(each.second); });
  };
  const auto others = count([](const Machine& m) { return m.spare != Spare::none; });
  if (machines_[a.domain].spare == Spare::none)
    expect(others < run_->plan.spares, "no more domains have a spare than may: " + name);
  expect(count([](const Machine& m) { return m.spare == Spare::preparing; }) < std::max(1U, run_->plan.spare_slots),
         "no more spares are made ready at the same time than may be: " + name);
}

void Invariants::wanted(const action::PrepareSpare& a) {
  const std::string name = a.domain.name();
  expect(a.ticket > jobs_.last_ticket, "tickets are new");
  jobs_.last_ticket = a.ticket;
  expect(run_.has_value(), "a spare is made ready in a run");
  if (run_) check_spare(a);
  Machine& machine = machines_[a.domain];
  expect(!machine.spare_job, "one thing at a time is done with a spare: " + name);
  expect(!a.in_place || machine.spare == Spare::left, "only what was left goes back in place: " + name);
  machine.spare = Spare::preparing;
  machine.spare_job = a.ticket;
  machine.spare_state = a.state;
}

void Invariants::wanted(const action::HurrySpare& a) {
  expect(machines_[a.domain].spare_job == a.ticket, "only a spare that is being made ready is hurried");
}

void Invariants::wanted(const action::DiscardSpare& a) {
  expect(a.ticket > jobs_.last_ticket, "tickets are new");
  jobs_.last_ticket = a.ticket;
  Machine& machine = machines_[a.domain];
  expect(machine.spare != Spare::none && machine.spare != Spare::ending,
         "only a spare that there is is discarded: " + a.domain.name());
  machine.spare = Spare::ending;
  machine.spare_job = a.ticket;
}

void Invariants::wanted(const action::RunTest& a) {
  expect(in_run(a.prefix), "a test runs on a prefix of the run");
  if (!run_) return;
  expect(!run_->stopping, "no test starts after a stop");
  expect(!enough_failed(), "no test starts when enough did not pass");
  expect(!run_->out_of_use.contains(a.prefix), "a prefix out of use runs nothing");
  expect(!running_on(a.prefix), "one test a prefix");
  expect(!held_.hosts.contains(a.prefix), "a prefix that holds what a test left runs no other");
  expect(a.attempt > history_.last_attempt || !history_.finished_attempts.contains(a.attempt), "attempts are new");
  expect(!run_->attempts.contains(a.attempt), "an attempt runs once");
  const auto test = run_->tests.find(a.test);
  expect(test != run_->tests.end(), "only tests of the run");
  if (test == run_->tests.end()) return;
  expect(!test->second.decided && !test->second.busy, "a test runs in one place, and not after its verdict");
  expect(a.number == test->second.attempts + 1, "attempts are numbered from 1 without a gap");
  for (const Host& host : test->second.plan.hosts)
    expect(machines_[{a.prefix, host}].power == Power::clean, "a test's domains are clean: " + host.value);
  for (auto& [domain, machine] : machines_) {
    if (domain.prefix != a.prefix) continue;
    if (machine.power == Power::clean) {
      machine.power = Power::used;
      machine.loose = true;
    }
    const auto& hosts = test->second.plan.hosts;
    if (std::find(hosts.begin(), hosts.end(), domain.host) == hosts.end())
      expect(machine.power == Power::off || machine.power == Power::paused,
             "domains a test does not need are off or paused: " + domain.name());
  }
  check_room(a, test->second);
  test->second.busy = true;
  run_->attempts[a.attempt] = {
      .test = a.test, .prefix = a.prefix, .number = a.number, .began = now_, .ready_after = a.ready_after};
}

/// A test that was starved has more room than before, at last all of it.
void Invariants::check_room(const action::RunTest& a, const Test& test) {
  const auto tests = running_tests();
  expect(!test.beside || tests.size() <= *test.beside, "a test that was starved has more room: " + test.plan.name);
  for (const Attempt* each : tests) {
    const auto& beside = run_->tests.at(each->test).beside;
    expect(!beside || tests.size() <= *beside, "nothing begins beside a test that is to have more room");
  }
  expect(!run_->crowded || tests.empty(), "no test begins beside another one on a machine that is crowded");
  if (test.beside != 0U) return;
  expect(jobs_.resets.empty(), "no domain is reset beside a test that is to run alone");
  for (const auto& [domain, machine] : machines_)
    expect(machine.spare != Spare::preparing, "no spare is made ready beside a test that is to run alone");
  expect(a.number > 1, "no test runs alone at first");
}

void Invariants::wanted(const action::FreezeGroup& a) {
  Attempt* attempt = running(a.attempt);
  expect(attempt != nullptr, "only a running test stands still");
  if (!attempt) return;
  expect(run_->plan.sharing.freezing && !attempt->exempt, "only a test that may stand still does");
  expect(!attempt->frozen_since && !attempt->cancelled, "a test that stands still, or is to end, is not frozen");
  attempt->frozen_since = now_;
}

void Invariants::wanted(const action::ThawGroup& a) {
  Attempt* attempt = running(a.attempt);
  expect(attempt != nullptr, "only a running test goes on");
  if (!attempt) return;
  expect(attempt->frozen_since.has_value(), "only a test that stands still goes on");
  attempt->frozen_since.reset();
}

void Invariants::wanted(const action::CancelTest& a) {
  Attempt* attempt = running(a.attempt);
  expect(attempt != nullptr, "only a running test is cancelled");
  if (!attempt) return;
  expect(!attempt->frozen_since, "a test that is to end does not stand still");
  expect(run_->stopping || attempt->host_fault, "a test is cancelled for a reason");
  attempt->cancelled = true;
}

void Invariants::wanted(const action::JudgeTest& a) {
  expect(run_ && run_->attempts.contains(a.attempt), "only an attempt that ran is judged");
  if (!run_) return;
  Attempt& attempt = run_->attempts[a.attempt];
  expect(attempt.to_judge, "an attempt is judged once, and only when its script came to an end");
  attempt.to_judge = false;
}

void Invariants::wanted(const action::ReportVerdict& a) {
  expect(run_.has_value(), "no verdict without a run");
  if (!run_) return;
  expect(history_.finished_attempts.insert(a.attempt).second, "one verdict an attempt");
  history_.last_attempt = std::max(history_.last_attempt, a.attempt);
  const auto found = run_->tests.find(a.test);
  expect(found != run_->tests.end(), "only tests of the run");
  if (found == run_->tests.end()) return;
  Test& test = found->second;
  const std::string& name = test.plan.name;
  expect(!test.decided, "one final verdict a test: " + name);
  expect(a.number == ++test.attempts, "verdicts are numbered like their attempts: " + name);
  test.decided = a.final;
  test.busy = false;
  // Where it has come to the very same before, and is not tried again for that, it is its own.
  const auto known = run_->attempts.find(a.attempt);
  const bool again =
      test.beside != 0U && test.starved < run_->plan.policy.starved_retries && !run_->stopping && !enough_failed();
  const bool same = known != run_->attempts.end() && test.starved > 0 && test.issues == known->second.issues && !again;
  check_repetition(a, test);
  if (!a.issues.empty() &&
      (a.issues[0].name == core::issue::host_fault || a.issues[0].name == core::issue::boot_failed)) {
    expect(a.verdict == core::Verdict::unresolved, "what never ran whole is unresolved: " + name);
    run_->resting[a.prefix] = now_ + run_->plan.policy.cool_down;
  }
  const auto attempt = run_->attempts.find(a.attempt);
  if (attempt == run_->attempts.end()) {
    expect(!running_on(a.prefix), "an attempt that never ran leaves no test running: " + name);
    expect(!a.issues.empty(), "an attempt that never ran says why: " + name);
    return;
  }
  Attempt& ran = attempt->second;
  ran.reported = true;
  expect(ran.number == a.number && ran.prefix == a.prefix && ran.test == a.test,
         "a verdict is that of its attempt: " + name);
  expect(ran.ended.has_value(), "a verdict comes after the test's end: " + name);
  if (!ran.ended) return;
  expect(ran.host_fault || ran.judged, "a verdict comes from a judge or a host fault: " + name);
  const bool bad = a.verdict == core::Verdict::failed || a.verdict == core::Verdict::unresolved;
  if (run_->plan.policy.keep_failed && ran.judged && a.final && bad && !run_->stopping) held_.next.insert(a.prefix);
  const bool judged_bad = ran.verdict == core::Verdict::failed || ran.verdict == core::Verdict::unresolved;
  const bool told = !a.issues.empty() && a.issues[0].name == core::issue::starved;
  const bool starved = ran.judged && ran.starved && judged_bad && (told || !same);
  expect(starved == told, "a bad verdict of a test that was starved is the host's fault: " + name);
  if (ran.judged)
    expect(a.verdict == (starved ? core::Verdict::unresolved : ran.verdict), "a verdict is the judge's: " + name);
  expect(a.split.waiting + a.split.reset == ran.ready_after, "the split adds up until the test: " + name);
  expect(a.split.test == *ran.ended - ran.began, "the split tells the test's time: " + name);
  expect(a.split.judging == (ran.judged ? *ran.judged - *ran.ended : core::Duration{}),
         "the split tells the judging: " + name);
}

/// Whether there should be another attempt at the test, and if not, what it comes to.
void Invariants::check_repetition(const action::ReportVerdict& a, Test& test) {
  const core::Policy& policy = run_->plan.policy;
  const std::string& name = test.plan.name;
  if (check_starved(a, test)) return;
  const bool passed = a.verdict == core::Verdict::passed;
  test.so_far.stumbled = test.so_far.stumbled || !passed;
  const core::Verdict worst = core::worse(test.so_far.worst, a.verdict);
  if (!a.issues.empty() && a.issues[0].name == core::issue::host_fault) {
    if (!a.final) {
      expect(++test.faults <= policy.host_fault_retries, "host faults are retried as often as allowed: " + name);
      return;
    }
    run_->failed.insert(a.test);
    expect(a.test_verdict == worst, "a test that only the host kept from its end is unresolved: " + name);
    return;
  }
  test.faults = 0;
  test.so_far.worst = worst;
  const unsigned counted = ++test.so_far.counted;
  const bool retry = !passed && counted < 1 + policy.retries;
  const bool repeat = (policy.repeat == 0 || counted < policy.repeat) && !(policy.until_fail && !passed);
  const bool stopped = run_->stopping && !run_->stays_open;
  const bool never = stopped || enough_failed() || a.verdict == core::Verdict::unsupported;
  expect(a.final == (never || (!retry && !repeat)), "a test is tried as often as the policy says: " + name);
  const core::Verdict so_far = policy.repeat == 1 ? a.verdict : worst;
  const bool bad = so_far == core::Verdict::failed || so_far == core::Verdict::unresolved;
  if (bad && (a.final || policy.repeat != 1)) run_->failed.insert(a.test);
  if (!a.final) {
    test.starved = 0;
    test.beside.reset();
    return;
  }
  expect(a.test_verdict == (policy.repeat == 1 ? a.verdict : worst),
         "a test's verdict is its last one, or the worst of its repetitions: " + name);
  expect(a.flaky == (a.test_verdict == core::Verdict::passed && test.so_far.stumbled),
         "a test that passed, but not at once, is flaky: " + name);
}

/// Whether it is tried again for no other reason than that it was starved.
bool Invariants::check_starved(const action::ReportVerdict& a, Test& test) {
  if (a.issues.empty() || a.issues[0].name != core::issue::starved) return false;
  const unsigned retries = run_->plan.policy.starved_retries;
  if (test.beside == 0U || test.starved >= retries || run_->stopping || enough_failed()) return false;
  expect(!a.final, "a test that was starved is tried again: " + test.plan.name);
  const unsigned beside = run_->attempts.at(a.attempt).beside;
  test.issues = run_->attempts.at(a.attempt).issues;
  ++test.starved;
  test.beside = test.starved == retries ? 0 : std::min(beside, test.beside.value_or(beside)) / 2;
  return true;
}

void Invariants::wanted(const action::ReportUntested& a) {
  expect(run_ && run_->tests.contains(a.test), "only tests of the run");
  if (!run_) return;
  Test& test = run_->tests[a.test];
  expect(!test.decided && !test.busy, "an untested test has no other verdict");
  test.decided = true;
  if (enough_failed()) {
    expect(a.verdict == (test.so_far.counted > 0 ? test.so_far.worst : core::Verdict::untested),
           "a test that is given up is what its attempts came to: " + test.plan.name);
    return;
  }
  std::size_t left = run_->plan.prefixes.size() - run_->out_of_use.size();
  for (const auto& [prefix, hosts] : held_.hosts) left -= in_run(prefix) ? 1 : 0;
  expect(left == 0, "a test is given up only when no prefix is left");
  run_->untested = !run_->out_of_use.empty();
}

bool Invariants::enough_failed() const {
  const unsigned most = run_->plan.policy.max_fail;
  return most > 0 && run_->plan.failed + run_->failed.size() >= most;
}

void Invariants::told(const core::record::ResetFailed& failed) {
  expect(!jobs_.resets.contains(failed.ticket), "a failed reset is reported after its answer");
  const bool boot = failed.method == "boot";
  expect(!failed.again || !failed.host_fault || !boot, "only a guest's failed boot is repeated in one attempt");
  expect(boot || failed.again, "another way follows when going back failed");
}

void Invariants::told(const core::record::SnapshotsGivenUp& given_up) {
  expect(in_run(given_up.domain.prefix), "snapshots are given up in a run");
  if (run_) expect(states_.failures[given_up.domain] == run_->plan.policy.snapshot_failures, "they are given up once");
}

void Invariants::told(const core::record::PrefixQuarantined& quarantined) {
  expect(in_run(quarantined.prefix), "only a prefix of the run goes out of use");
  if (run_) expect(run_->out_of_use.insert(quarantined.prefix).second, "a prefix goes out of use once");
}

void Invariants::wanted(const action::ReportHeld& a) {
  expect(in_run(a.prefix) && run_->tests.contains(a.test), "only tests of the run are held");
  expect(held_.next.erase(a.prefix) == 1, "only what failed is held");
  if (!run_) return;
  for (const Host& host : run_->tests[a.test].plan.hosts) {
    held_.hosts[a.prefix].insert(host);
    Machine& machine = machines_[{a.prefix, host}];
    machine.lent = machine.power == Power::used;
  }
}

void Invariants::wanted(const action::AnswerRequest& a) {
  const auto found = requests_.open.find(a.request);
  expect(found != requests_.open.end(), "a request is answered once");
  if (found == requests_.open.end()) return;
  Machine& machine = machines_[found->second];
  const std::string name = found->second.name();
  const bool destroy = requests_.for_destruction.contains(a.request);
  if (!of_client(found->second.prefix)) expect(a.error.has_value(), "a run does not share its domains: " + name);
  if (!a.error && destroy) expect(machine.power == Power::off, "a destroyed domain is off: " + name);
  if (!a.error && !destroy) {
    expect(machine.power == Power::clean || (machine.power == Power::used && machine.lent),
           "a requested domain is up: " + name);
    machine.power = Power::used;
    machine.lent = true;
  }
  requests_.open.erase(found);
}

void Invariants::wanted(const action::FinishRun& a) {
  expect(run_.has_value(), "FinishRun exactly once a run");
  if (!run_) return;
  ++history_.finished;
  expect(a.run == run_->plan.run, "FinishRun names its run");
  expect(a.outcome.has_value() != run_->stays_open, "an interrupted run stays open, and no other one");
  expect((a.outcome == core::record::Outcome::stopped) == (run_->stopping && !run_->stays_open),
         "a stopped run says so");
  if (!run_->stopping)
    expect((a.outcome == core::record::Outcome::infrastructure) == run_->untested,
           "untested tests are the infrastructure's");
  for (const auto& [index, test] : run_->tests) {
    expect(test.decided || run_->stopping, "nothing is lost: " + test.plan.name);
    expect(!test.busy, "no attempt is under way at the end: " + test.plan.name);
  }
  for (const auto& [id, attempt] : run_->attempts) {
    const bool excused = run_->stopping && attempt.host_fault;
    expect(attempt.reported || excused, "every attempt that ran has its verdict");
  }
  for (const auto& [domain, machine] : machines_)
    if (!of_client(domain.prefix))
      expect(machine.power == Power::off && machine.spare == Spare::none,
             "all domains are off at the end, and their spares: " + domain.name());
  run_.reset();
}

}  // namespace kvmtest::scenarios
