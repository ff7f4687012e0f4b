#pragma once
// The figures that a run is planned by. Reads /proc and renders templates; any thread.

#include "domains/templates.h"
#include "planning/plan.h"
#include "settings/settings.h"

namespace kvmtest::setup {

/// Of this machine as it is now, and of the guests that the settings and templates describe. Throws what
/// Templates::render() does.
planning::Machine machine(const settings::Settings& settings, const domains::Templates& templates);

}  // namespace kvmtest::setup
