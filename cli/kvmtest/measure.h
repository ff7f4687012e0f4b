#pragma once
// How fast this machine boots and resets domains: what `kvmtest doctor --measure` takes and tells.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "kvmtest/verb.h"
#include "settings/settings.h"

namespace kvmtest::command {

/// Medians of `rounds` on the user's own guests, in seconds, by name; ratios, and why there are no resets by snapshot
/// if that is so. Needs a daemon and installed prefixes; domains that were up are reset. Throws client::Refused.
nlohmann::json measure(const Context& context, const settings::Settings& settings, unsigned rounds);

/// The same for people.
std::string measured_text(const nlohmann::json& measured, unsigned rounds);

}  // namespace kvmtest::command
