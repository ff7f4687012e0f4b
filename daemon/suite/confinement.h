#pragma once
// What a suite's programs may not see, and how much of the machine they may have: its tests, and what judges them.

#include "process/confinement.h"
#include "settings/settings.h"

namespace kvmtest::suite {

/// Hides all that the daemon of these settings and its QEMUs have. Any thread.
process::Confinement confinement_for(const settings::Settings& settings);

}  // namespace kvmtest::suite
