#pragma once
// What the user of a run may want to do next.

#include <string>

#include "kvmtest/verb.h"
#include "report/run_summary.h"

namespace kvmtest::command {

/// The commands that show the failures' diffs and run them again; empty when nothing failed.
std::string next_steps(const Context& context, const report::RunSummary& run);

}  // namespace kvmtest::command
