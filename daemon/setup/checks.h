#pragma once
// What must be there before a run: asked by the client, which starts no daemon in vain, and by the daemon. Reads files;
// any thread.

#include <string>

#include "domains/templates.h"
#include "settings/settings.h"

namespace kvmtest::setup {

/// Throws core::InputError when a file that the templates refer to by a setting cannot be read.
void check_guest_files(const settings::Settings& settings, const domains::Templates& templates);

/// Makes the state directory where there is none, and its owner's alone (base/private_directory.h). Returns a line for
/// people, often empty. Throws core::InputError.
std::string make_state_directory(const settings::Settings& settings);

/// Throws core::InputError when the disk that the state directory is or would be on has too little room.
void check_disk(const settings::Settings& settings);

}  // namespace kvmtest::setup
