#pragma once
// What a running daemon was started with, in one word: a client whose word differs has to start it anew.

#include <string>

#include "settings/settings.h"

namespace kvmtest::setup {

/// Of every setting that a run request does not carry itself, the templates' texts, and this build. Reads files; any
/// thread.
std::string fingerprint(const settings::Settings& settings);

}  // namespace kvmtest::setup
