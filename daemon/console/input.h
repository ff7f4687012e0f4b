#pragma once
// Standard input for a command in a guest: there is only the console, so it goes there before the command runs, as what
// shell commands print into a file.

#include <string>
#include <string_view>

#include "console/session.h"

namespace kvmtest::console {

/// Bytes of standard input at most: an emulated guest takes some 10 to 100 KiB a second, more of text than of what must
/// be escaped.
inline constexpr std::size_t longest_input = 4U << 20U;

/// Puts the bytes into a new file of the guest's that only its user can read; any bytes. Returns its path; empty when
/// there is no place for it or the deadline passed. Throws Closed, Interrupted.
std::string place_input(Session& session, std::string_view bytes, GuestDeadline deadline);

/// `command` with that file as its standard input, which is gone as soon as the command has begun.
std::string with_input(std::string_view command, const std::string& file);

}  // namespace kvmtest::console
