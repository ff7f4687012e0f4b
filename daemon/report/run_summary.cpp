#include "report/run_summary.h"

namespace kvmtest::report {

Counts count(const std::vector<TestResult>& tests) {
  Counts counts;
  for (const TestResult& test : tests) {
    if (test.flaky) ++counts.flaky;
    if (!test.verdict) {
      ++counts.undecided;
      continue;
    }
    switch (*test.verdict) {
      case core::Verdict::passed:
        ++counts.passed;
        break;
      case core::Verdict::failed:
        ++counts.failed;
        break;
      case core::Verdict::unresolved:
        ++counts.unresolved;
        break;
      case core::Verdict::untested:
        ++counts.untested;
        break;
      case core::Verdict::unsupported:
        ++counts.unsupported;
        break;
    }
  }
  return counts;
}

}  // namespace kvmtest::report
