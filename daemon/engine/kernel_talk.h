#pragma once
// What a guest's kernel said during an attempt: on its console, and in its log. Pure, but for hear_kernel().

#include <chrono>
#include <optional>
#include <vector>

#include "console/kernel_log.h"
#include "console/session.h"
#include "suite/test.h"

namespace kvmtest::engine {

/// From the attempt's start, or the machine's last restart in it, to the next one, or to the attempt's end.
struct KernelTalk {
  std::vector<console::KernelMessage> heard;  ///< on the console
  std::optional<console::LoggedLines> log{};  ///< nothing, where the guest did not tell
  std::chrono::steady_clock::time_point read = std::chrono::steady_clock::now();  ///< when the log had been read
};
/// Takes what the session has heard, and asks its guest for the log, if it is at its prompt. Throws Interrupted.
KernelTalk hear_kernel(console::Session& session);

/// Both in one, by the kernel's time, each line once. `start`: of the attempt.
std::vector<suite::KernelLine> kernel_lines(const KernelTalk& talk, std::chrono::steady_clock::time_point start);

/// Puts back into a step's output what only looked like a message of the kernel's: its log, which lacks no line, has
/// none such.
void restore_output(suite::StepResult& result, const console::LoggedLines& log);

}  // namespace kvmtest::engine
