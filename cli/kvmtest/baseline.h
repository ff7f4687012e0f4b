#pragma once
// What a run is compared with.

#include <optional>
#include <string>

#include "report/comparison.h"
#include "report/run_summary.h"
#include "report/text.h"
#include "settings/settings.h"

namespace kvmtest::command {

/// What `with` names, a run's number, a directory of attempts' files or a JSON file of kvmtest's; nothing when it is
/// empty. Throws core::InputError.
std::optional<report::Baseline> read_baseline(const settings::Settings& settings, const std::string& with);
/// The part of the summary that compares the run with that; without one, with the last completed run before it. Empty
/// when there is none.
std::string comparison(const settings::Settings& settings, const report::RunSummary& run,
                       const std::optional<report::Baseline>& with, const report::Options& options);

}  // namespace kvmtest::command
