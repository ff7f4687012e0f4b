#pragma once
// Compares a run with an earlier one, or with whatever else is known of the tests. Pure; any thread.

#include <map>
#include <string>
#include <vector>

#include "core/verdict.h"
#include "report/run_summary.h"
#include "report/summary.h"

namespace kvmtest::report {

struct Baseline {
  std::string name;  ///< "run 6", or the file or directory it was read from
  std::map<std::string, core::Verdict> verdicts{};
};

/// Names of tests, in the run's order.
struct Comparison {
  std::string baseline;
  std::vector<std::string> new_failures{};  ///< did not pass now, and passed then
  std::vector<std::string> new_passes{};    ///< passed now, and did not pass then
  std::vector<std::string> still{};         ///< did not pass either time
  std::vector<std::string> added{};         ///< not known then
};

/// Only verdicts passed, failed and unresolved count, on both sides. The others say nothing of a test.
Comparison compare(const RunSummary& run, const Baseline& baseline);

/// Lines ending in \n.
std::string comparison_text(const Comparison& comparison, const Options& options);

}  // namespace kvmtest::report
