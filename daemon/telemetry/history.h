#pragma once
// Answers questions about many past runs at once. Reads few columns of many rows: 100 runs of 1,500 tests in well under
// 0.2 s (testing/bench/history.cpp).

#include <optional>
#include <string>
#include <vector>

#include "report/history.h"
#include "telemetry/database.h"

namespace kvmtest::telemetry {

/// One thread at a time, together with its Database. Everything throws Error when the database fails. `runs` is how
/// many, counted from the newest; at least 1.
class History {
 public:
  explicit History(Database& database) : database_(database) {}

  /// The newest first.
  [[nodiscard]] std::vector<report::PastRun> runs(unsigned runs);
  /// Nothing when no run ever had a test of that name.
  [[nodiscard]] std::optional<report::TestHistory> test(const std::string& name, unsigned runs);
  /// The `most` tests with the largest median time.
  [[nodiscard]] report::Slowest slowest(unsigned runs, std::size_t most);
  /// The `most` tests that changed their verdict or passed on a retry most often. Tests that never did are left out.
  [[nodiscard]] report::Flaky flaky(unsigned runs, std::size_t most);
  /// Runs that came to their end, with at least `least_tests` tests; 0: half of what the largest of them has.
  [[nodiscard]] report::Load load(unsigned runs, unsigned least_tests);
  /// Names of tests of the newest runs that are like `name`, for messages.
  [[nodiscard]] std::vector<std::string> names(unsigned runs);

 private:
  Database& database_;
};

}  // namespace kvmtest::telemetry
