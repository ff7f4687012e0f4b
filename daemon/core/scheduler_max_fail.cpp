// The scheduler's part in Policy::max_fail: when enough tests did not pass, none begins any more.

#include <string>

#include "core/scheduler.h"

namespace kvmtest::core {

void Scheduler::count_failure(TestIndex test, Verdict verdict) {
  if (verdict == Verdict::failed || verdict == Verdict::unresolved) run_->failed.insert(test);
}

bool Scheduler::enough_failed() const {
  const unsigned most = run_->plan.policy.max_fail;
  return most > 0 && run_->plan.failed + run_->failed.size() >= most;
}

/// Tests that wait, or whose domains are still being made ready, do not begin when enough of them did not pass.
void Scheduler::give_up_after_failures() {
  if (!run_ || run_->stopping || !enough_failed()) return;
  const unsigned most = run_->plan.policy.max_fail;
  const std::string reason = "no further test was begun after " +
                             std::to_string(run_->plan.failed + run_->failed.size()) +
                             " that did not pass (--max-fail " + std::to_string(most) + ")";
  for (auto& [prefix, worker] : workers_) {
    if (!in_run(worker) || !is<worker_state::Preparing>(worker.state)) continue;
    give_up(std::get<worker_state::Preparing>(worker.state).test, reason);
    worker.state = worker_state::Idle{};  // the attempt never was
  }
  for (const PlannedTest& test : run_->pending) give_up(test, reason);
  run_->pending.clear();
}

void Scheduler::give_up(const PlannedTest& test, const std::string& reason) {
  out_.push_back(
      action::ReportUntested{test.index, reason, test.so_far.counted > 0 ? test.so_far.worst : Verdict::untested});
}

}  // namespace kvmtest::core
