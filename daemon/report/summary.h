#pragma once
// The text at the end of a run: what did not pass and why, and where the time went. Pure; any thread.

#include <functional>
#include <string>

#include "report/run_summary.h"
#include "report/text.h"

namespace kvmtest::report {

/// Reads the unified diff between an attempt's output and what was expected. Empty where there is none.
using Differences = std::function<std::string(const Attempt&)>;

/// The whole summary, lines ending in \n. Control characters in what guests wrote come out as \xNN. Of what
/// `differences` gives, the first lines are shown, a few of each attempt and 60 or so in all.
std::string summary_text(const RunSummary& run, const Options& options, const Differences& differences = {});

}  // namespace kvmtest::report
