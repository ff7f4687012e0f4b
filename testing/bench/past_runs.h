#pragma once
// A database that looks as if somebody had run a large suite for years, made by rule: what its queries must find is
// known.

#include <cstdint>
#include <filesystem>
#include <string>

namespace kvmtest::bench {

struct PastRuns {
  unsigned runs = 1000;
  unsigned tests = 1500;

  /// Fails in every fifth run, whose numbers end in 0 or 5.
  static bool fickle(unsigned test) { return test % 97 == 3; }
  static bool broken(unsigned test) { return test % 100 == 7; }
  /// The tests with the greatest remainder take longest.
  static unsigned whole_seconds(unsigned test) { return 1 + test % 60; }
  static std::string name(unsigned test) {
    return "suite/area-" + std::to_string(test % 30) + "/test-" + std::to_string(test);
  }
};

/// Makes the database `path`, which must not be there: tests with their attempts, issues and two resets each, and the
/// samples of an hour; without the stream itself. Throws telemetry::Error, SQLite::Exception.
void write_past_runs(const std::filesystem::path& path, const PastRuns& size);

}  // namespace kvmtest::bench
