#include "report/run_summary.h"

#include <algorithm>
#include <set>

namespace kvmtest::report {

bool has_issue(const Attempt& attempt, std::string_view name) {
  return std::any_of(attempt.issues.begin(), attempt.issues.end(),
                     [&](const core::Issue& issue) { return issue.name == name; });
}

Counts count(const std::vector<TestResult>& tests) {
  Counts counts;
  for (const TestResult& test : tests) {
    if (test.flaky) ++counts.flaky;
    if (!test.verdict) {
      ++counts.undecided;
      continue;
    }
    switch (*test.verdict) {
      case core::Verdict::passed: ++counts.passed; break;
      case core::Verdict::failed: ++counts.failed; break;
      case core::Verdict::unresolved: ++counts.unresolved; break;
      case core::Verdict::untested: ++counts.untested; break;
      case core::Verdict::unsupported: ++counts.unsupported; break;
    }
  }
  return counts;
}

bool nothing_tested(const RunSummary& run) {
  const Counts counts = count(run.tests);
  return run.outcome == core::record::Outcome::completed && counts.passed + counts.failed + counts.unresolved == 0;
}

const Attempt* decisive(const TestResult& test) {
  const Attempt* found = test.attempts.empty() ? nullptr : &test.attempts.back();
  for (const Attempt& attempt : test.attempts) {
    if (attempt.final && attempt.verdict == test.verdict) return &attempt;
    if (attempt.verdict && attempt.verdict == test.verdict) found = &attempt;
  }
  return found;
}

core::Duration makespan_bound(const RunSummary& run) {
  core::Duration groups{};
  std::set<core::Prefix> used;  // the others may have been in reserve
  for (const TestResult& test : run.tests)
    for (const Attempt& attempt : test.attempts) {
      groups += attempt.split.reset + attempt.own_time();
      used.insert(attempt.prefix);
    }
  const auto slots = std::max(1U, run.workers);
  const auto prefixes = std::max<std::size_t>(1, used.size());
  return std::max(run.resets.total / slots, groups / static_cast<core::Duration::rep>(prefixes));
}

}  // namespace kvmtest::report
