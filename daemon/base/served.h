#pragma once
// Whether somebody serves a state directory. Looks at the disk; any thread.

#include "base/state_directory.h"

namespace kvmtest::base {

/// Whether a daemon holds the state directory's lock. A daemon that starts in the same instant may take the question
/// for another daemon, so whoever asks must let it try again.
bool is_served(const StateDirectory& state_dir);

}  // namespace kvmtest::base
