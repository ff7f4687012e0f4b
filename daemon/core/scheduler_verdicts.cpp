// The scheduler's part in verdicts: what an attempt comes to, whether there is another one, and when no test begins any
// more. Sources: docs/adr/0003-retries.md.

#include <algorithm>
#include <string>
#include <utility>

#include "core/scheduler.h"

namespace kvmtest::core {
namespace {

/// "1.2 s".
std::string tenths(Duration time) {
  const auto all = (time.count() + 50'000) / 100'000;
  return std::to_string(all / 10) + "." + std::to_string(all % 10) + " s";
}

/// For people, in a line.
std::string words_of(Duration starved, Duration ran) {
  return "its hosts wanted a processor and had none for " + tenths(starved) + " of " + tenths(ran);
}

}  // namespace

/// Whether the attempt that lost this domain, or a reset of it, goes on: only while the guest is to blame, and not too
/// often.
bool Scheduler::may_reset_again(prefix_state::Preparing& preparing, const Host& host, Fault fault) {
  return fault == Fault::guest && ++preparing.boot_failures[host] < run_->plan.policy.boot_tries;
}

void Scheduler::end_preparing(PrefixEntry& prefix, const Host& host, Fault fault, const std::string& reason,
                              Instant now) {
  if (fault == Fault::host)
    end_with_host_fault(prefix, host.value, reason, now);
  else
    boot_failed(prefix, host, reason, now);
}

void Scheduler::boot_failed(PrefixEntry& prefix, const Host& host, const std::string& reason, Instant now) {
  auto preparing = std::get<prefix_state::Preparing>(std::exchange(prefix.state, prefix_state::Idle{}));
  report({.attempt = preparing.attempt,
          .prefix = prefix.prefix,
          .verdict = Verdict::unresolved,
          .issues = {{host.value, issue::boot_failed, reason}},
          .split = preparing.split},
         std::move(preparing.test));
  count_fault(prefix, reason, now);
}

/// Whether what came of the attempt may be the doing of a machine that had too much to do.
bool Scheduler::starved(const Judging& judging, const event::AttemptJudged& e) const {
  const Policy& policy = run_->plan.policy;
  const Duration was = record::of_group(e.use).starved;
  return was > policy.starved_least && seconds(was) > policy.starved * seconds(judging.split.test - e.frozen);
}

/// Reports an attempt whose script came to its end. One that did not pass, although its group did not have what it
/// wanted, says nothing of its test: that is tried again with half as many beside it, and at last alone. If that ends
/// in the very same way, it was not for want of processors. Returns whether there is no further attempt.
bool Scheduler::judged(Judging judging, const event::AttemptJudged& e, bool bad) {
  action::ReportVerdict verdict{.attempt = e.attempt,
                                .prefix = judging.prefix,
                                .verdict = e.verdict,
                                .issues = e.issues,
                                .split = judging.split,
                                .use = e.use,
                                .frozen = e.frozen};
  if (!bad || !starved(judging, e)) return report(std::move(verdict), std::move(judging.test));
  PlannedTest test = std::move(judging.test);
  Run::Starved& before = run_->starved[test.index];
  const bool same = before.times > 0 && before.issues == e.issues;
  const unsigned most = run_->plan.policy.starved_retries;
  const bool again = test.beside != 0U && before.times < most && !run_->stopping() && !enough_failed();
  if (!again && same) return report(std::move(verdict), std::move(test));

  verdict.verdict = Verdict::unresolved;
  const Duration was = record::of_group(e.use).starved;
  verdict.issues.insert(verdict.issues.begin(), {"", issue::starved, words_of(was, judging.split.test - e.frozen)});
  if (!again) return report(std::move(verdict), std::move(test));
  before.issues = e.issues;
  const bool last = ++before.times == most;
  test.beside = last ? 0 : std::min(judging.beside, test.beside.value_or(judging.beside)) / 2;
  verdict.test = test.index;
  verdict.number = ++test.attempts;
  verdict.final = false;
  verdict.test_verdict = worse(test.so_far.worst, Verdict::unresolved);
  out_.push_back(std::move(verdict));
  put_back(std::move(test), true);
  return false;
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
  const bool stopped = run_->stopping() && !run_->stays_open;
  const bool never = stopped || enough_failed() || verdict.verdict == Verdict::unsupported;
  verdict.final = never || !(retry || repeat);
  verdict.test_verdict = policy.repeat == 1 ? verdict.verdict : so_far.worst;
  // A repetition cannot make good what one attempt was found to be; a retry can.
  if (verdict.final || policy.repeat != 1) count_failure(test.index, verdict.test_verdict);
  verdict.flaky = verdict.final && so_far.stumbled && verdict.test_verdict == Verdict::passed;
  const bool again = !verdict.final;
  out_.push_back(std::move(verdict));
  if (!again) return true;
  run_->host_faults.erase(test.index);
  run_->starved.erase(test.index);
  test.beside.reset();
  put_back(std::move(test), retry);
  return false;
}

/// Another prefix may take it.
void Scheduler::put_back(PlannedTest test, bool first) {
  if (first)
    run_->pending.push_front(std::move(test));
  else
    run_->pending.push_back(std::move(test));
  touch_idle();
}

void Scheduler::end_with_host_fault(PrefixEntry& prefix, const std::string& host, const std::string& reason,
                                    Instant now) {
  const auto end = [&](auto&& state) {
    PlannedTest test = state.test;
    const bool again = ++run_->host_faults[test.index] <= run_->plan.policy.host_fault_retries && !enough_failed();
    ++test.attempts;
    test.so_far.stumbled = true;
    out_.push_back(action::ReportVerdict{.attempt = state.attempt,
                                         .test = test.index,
                                         .prefix = prefix.prefix,
                                         .number = test.attempts,
                                         .verdict = Verdict::unresolved,
                                         .issues = {{host, issue::host_fault, reason}},
                                         .split = state.split,
                                         .final = !again,
                                         .test_verdict = worse(test.so_far.worst, Verdict::unresolved)});
    if (!again) count_failure(test.index, Verdict::unresolved);
    if (again) put_back(std::move(test), true);
  };
  if (auto* preparing = std::get_if<prefix_state::Preparing>(&prefix.state))
    end(*preparing);
  else if (auto* running = std::get_if<prefix_state::Running>(&prefix.state))
    end(*running);
  count_fault(prefix, reason, now);
}

void Scheduler::count_fault(PrefixEntry& prefix, const std::string& reason, Instant now) {
  const Policy& policy = run_->plan.policy;
  if (++prefix.faults >= policy.quarantine_after) {
    prefix.state = prefix_state::Quarantined{reason};
    out_.push_back(action::Tell{record::PrefixQuarantined{prefix.prefix, reason}});
    return;
  }
  const Instant until = now + policy.cool_down * (1U << std::min(prefix.faults - 1, 10U));
  prefix.state = prefix_state::CoolingDown{until};
  cooling_down_.emplace(until, prefix.prefix);
}

void Scheduler::count_failure(TestIndex test, Verdict verdict) {
  if (verdict == Verdict::failed || verdict == Verdict::unresolved) run_->failed.insert(test);
}

bool Scheduler::enough_failed() const {
  const unsigned most = run_->plan.policy.max_fail;
  return most > 0 && run_->plan.failed + run_->failed.size() >= most;
}

/// Tests that wait, or whose domains are still being made ready, do not begin when enough of them did not pass.
void Scheduler::give_up_after_failures(Instant now) {
  if (!run_ || run_->stopping() || run_->gave_up || !enough_failed()) return;
  run_->gave_up = true;
  const unsigned most = run_->plan.policy.max_fail;
  const std::string reason = "no further test was begun after " +
                             std::to_string(run_->plan.failed + run_->failed.size()) +
                             " that did not pass (--max-fail " + std::to_string(most) + ")";
  for (auto& [name, prefix] : prefixes_) {
    if (!prefix.in_run || !is<prefix_state::Preparing>(prefix.state)) continue;
    give_up(std::get<prefix_state::Preparing>(prefix.state).test, reason);
    touch(prefix, now);
    prefix.state = prefix_state::Idle{};  // the attempt never was
  }
  for (const PlannedTest& test : run_->pending) give_up(test, reason);
  run_->pending.clear();
  touch_idle();
}

void Scheduler::give_up(const PlannedTest& test, const std::string& reason) {
  out_.push_back(
      action::ReportUntested{test.index, reason, test.so_far.counted > 0 ? test.so_far.worst : Verdict::untested});
}

}  // namespace kvmtest::core
