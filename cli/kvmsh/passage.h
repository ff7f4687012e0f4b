#pragma once
// Bytes between a terminal and a domain's console.

#include <optional>
#include <string>

#include "client/client.h"
#include "kvmsh/terminal.h"

namespace kvmtest::kvmsh {

/// The key that leaves: one character, ^X for Ctrl-X, or "none". Throws core::InputError.
std::optional<char> parse_escape(const std::string& text);
/// As people write it.
std::string escape_name(char escape);

struct Passage {
  std::optional<char> escape = '\x1d';
  bool read_only = false;  ///< what is typed goes nowhere
};

/// Passes bytes both ways, and tells the window's size, until the escape key or the end of either side; with the
/// terminal raw meanwhile. Returns the exit status: the shell's, 0 behind the escape key, or 3. Dies of the signals
/// that end a program, once the terminal is as it was.
int pass_through(client::RawConnection& connection, const Passage& how);

}  // namespace kvmtest::kvmsh
