#pragma once
// A test of a run, as a user names it.

#include <string>

#include "report/run_report.h"
#include "settings/settings.h"

namespace kvmtest::command {

/// A run, and of its tests the one that is meant.
struct NamedTest {
  report::RunReport run;
  [[nodiscard]] const report::TestResult& test() const { return run.summary.tests.front(); }
};

/// The test that `typed` means, in run `run`; 0: in the newest one with that test. Throws core::InputError,
/// telemetry::Error.
NamedTest named_test(const settings::Settings& settings, const std::string& typed, long run);

}  // namespace kvmtest::command
