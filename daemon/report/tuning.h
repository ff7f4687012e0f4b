#pragma once
// What a suite came to with different numbers of workers and prefixes, and which of these is enough. Pure; any thread.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"
#include "report/text.h"

namespace kvmtest::report {

/// One combination. In numbers of tests, of all runs with it together; the times are a run's, the median.
struct TuningRow {
  std::optional<unsigned> workers;   ///< none: as the load bears
  std::optional<unsigned> prefixes;  ///< the same
  core::Duration makespan{};
  unsigned runs = 1;
  unsigned tests = 0;
  unsigned failed = 0;       ///< tests that failed or are unresolved
  unsigned timeouts = 0;     ///< attempts with a time-out
  unsigned starved = 0;      ///< attempts that did not pass for want of processors
  double starved_share = 0;  ///< of the tests' time, for which they wanted a processor and had none
  double stood_still = 0;    ///< the same, for which they stood still
};

/// The place of the row that is enough: of those with the fewest failed tests the one with the fewest prefixes and then
/// workers, none of which takes more than a twentieth longer than the quickest. What the load decides counts as no more
/// than any number. Nothing: there is no row.
std::optional<std::size_t> knee(const std::vector<TuningRow>& rows);

/// "auto" or the number.
std::string wish_text(const std::optional<unsigned>& number);

/// As a table with bars, in which the knee stands out.
std::string tuning_text(const std::vector<TuningRow>& rows, const Options& options);

}  // namespace kvmtest::report
