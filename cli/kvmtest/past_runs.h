#pragma once
// The runs that the database knows, and the tests of theirs that a user names.

#include <string>
#include <vector>

#include "core/ids.h"
#include "report/run_summary.h"
#include "settings/settings.h"

namespace kvmtest::command {

/// The run's number as the user gave it, or the newest. Throws core::InputError when there is none.
core::RunId chosen_run(const settings::Settings& settings, long run);
/// A run as the database has it. Throws core::InputError without a database, telemetry::Error.
report::RunSummary read_summary(const settings::Settings& settings, core::RunId run);

/// The one of `names` that the user means by `typed`: it, the only one that ends in it, or the one whose file it is.
/// Throws core::InputError, whose line begins with `none` ("run 3 has no test") and suggests a near name.
std::string chosen_test(const std::vector<std::string>& names, const std::string& typed, const std::string& none);

}  // namespace kvmtest::command
