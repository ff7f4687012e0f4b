#include "report/comparison.h"

#include <fmt/format.h>

#include <optional>

#include "report/text.h"

namespace kvmtest::report {
namespace {

using core::Verdict;

bool speaks(std::optional<Verdict> verdict) {
  return verdict == Verdict::passed || verdict == Verdict::failed || verdict == Verdict::unresolved;
}

}  // namespace

Comparison compare(const RunSummary& run, const Baseline& baseline) {
  Comparison out{.baseline = baseline.name};
  for (const TestResult& test : run.tests) {
    if (!speaks(test.verdict)) continue;
    const bool passed = test.verdict == Verdict::passed;
    const auto then = baseline.verdicts.find(test.name);
    if (then == baseline.verdicts.end()) {
      out.added.push_back(test.name);
    } else if (speaks(then->second)) {
      const bool passed_then = then->second == Verdict::passed;
      if (!passed && passed_then) out.new_failures.push_back(test.name);
      if (passed && !passed_then) out.new_passes.push_back(test.name);
      if (!passed && !passed_then) out.still.push_back(test.name);
    }
  }
  return out;
}

std::string comparison_text(const Comparison& comparison, const Options& options) {
  std::string out = painted(options, fmt::format("against {}", escaped(comparison.baseline)), look::bold) + '\n';
  const auto list = [&](const std::vector<std::string>& tests, const char* what, const char* color) {
    if (tests.empty()) return;
    std::string names;
    for (const std::string& test : tests) names += escaped(test) + ' ';
    const std::string head = fmt::format("{:<15}{:>5}", what, tests.size());
    out += "  " + painted(options, head, color) + "  " + wrapped(names, options.width, 6, head.size() + 4) + '\n';
  };
  list(comparison.new_failures, "new failures", look::red);
  list(comparison.new_passes, "new passes", look::green);
  list(comparison.still, "still failing", look::yellow);
  if (!comparison.added.empty()) out += fmt::format("  {:<15}{:>5}\n", "not known then", comparison.added.size());
  if (comparison.new_failures.empty() && comparison.new_passes.empty()) out += "  no verdict has changed\n";
  return out;
}

}  // namespace kvmtest::report
