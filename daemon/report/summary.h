#pragma once
// The text at the end of a run: what did not pass and why, and where the time went. Pure; any thread.

#include <string>

#include "report/run_summary.h"
#include "report/text.h"

namespace kvmtest::report {

/// The whole summary, lines ending in \n. Control characters in what guests wrote come out as \xNN.
std::string summary_text(const RunSummary& run, const Options& options);

}  // namespace kvmtest::report
