#pragma once
// What the kernels of a test's hosts said, as a judge sees it. Pure; any thread.

#include <string>
#include <vector>

#include "core/verdict.h"
#include "suite/test.h"

namespace kvmtest::suite {

/// The kernels' warnings, one issue each, of a kind and host at most three and a count of the rest: "WARNING: CPU: 0
/// …".
std::vector<core::Issue> kernel_issues(const Execution& execution);

/// What the console printed during a step: its output with the kernel's messages where they came.
std::string as_printed(const StepResult& result);

/// A host's lines for people: "  +0.812 s [   45.123456] warning  text".
std::string kernel_text(const std::vector<KernelLine>& lines);

}  // namespace kvmtest::suite
