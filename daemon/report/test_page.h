#pragma once
// All that is known of one test of one run, as text. Pure; any thread.

#include <cstddef>
#include <string>

#include "report/run_report.h"
#include "report/text.h"

namespace kvmtest::report {

/// Its attempts, each with times, issues, commands, what differs, and the last `console_lines` lines of each console.
/// Lines ending in \n. Whatever guests printed is made harmless.
std::string test_page(const RunReport& run, const TestResult& test, const Texts& texts, std::size_t console_lines,
                      const Options& options);

}  // namespace kvmtest::report
