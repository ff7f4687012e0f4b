#pragma once
// Completion of kvmtest's command lines.

#include <ostream>
#include <string>
#include <vector>

#include "kvmtest/verb.h"

namespace kvmtest::command {

/// Prints what can stand for the last of the words that were typed behind `kvmtest`. Starts and asks no daemon. Returns
/// 0.
int complete(const client::Command& program, const Context& context, const std::vector<std::string>& typed,
             std::ostream& out);

}  // namespace kvmtest::command
