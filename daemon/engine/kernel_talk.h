#pragma once
// What a guest's kernel said during an attempt: on its console, and in its log. Pure.

#include <chrono>
#include <optional>
#include <vector>

#include "console/kernel_log.h"
#include "console/session.h"
#include "suite/test.h"

namespace kvmtest::engine {

/// Both in one, by the kernel's time, each line once. `log`: nothing, where the guest did not tell. `start`: of the
/// attempt. `read`: when the log had been read.
std::vector<suite::KernelLine> kernel_lines(const std::vector<console::KernelMessage>& heard,
                                            const std::optional<console::LoggedLines>& log,
                                            std::chrono::steady_clock::time_point start,
                                            std::chrono::steady_clock::time_point read);

/// Puts back into a step's output what only looked like a message of the kernel's: its log, which lacks no line, has
/// none such.
void restore_output(suite::StepResult& result, const console::LoggedLines& log);

}  // namespace kvmtest::engine
