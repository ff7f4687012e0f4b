#pragma once
// What a running daemon was started with, in one word: a client whose word differs has to start it anew.

#include <string>

#include "domains/templates.h"
#include "settings/settings.h"

namespace kvmtest::service {

/// Of every setting that a run request does not carry itself, the templates' texts, and this build. Reads files; any
/// thread.
std::string fingerprint(const settings::Settings& settings);

/// Throws core::InputError when a file that the templates refer to by a setting cannot be read.
void check_guest_files(const settings::Settings& settings, const domains::Templates& templates);

/// Throws core::InputError when the state directory's disk has too little room.
void check_disk(const settings::Settings& settings);

}  // namespace kvmtest::service
