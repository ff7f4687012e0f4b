#pragma once
// One command on a domain.

#include <optional>
#include <string>

#include "client/client.h"

namespace kvmtest::kvmsh {

struct Command {
  std::string text;
  std::optional<double> limit{};       ///< seconds; none: the daemon's
  bool reboot = false;                 ///< the domain restarts by it, and is waited for
  std::optional<std::string> input{};  ///< its standard input; none: the guest's console
  std::string token{};                 ///< of the running test that this is called from; empty: none
};

/// Runs it, its output on standard output; returns its exit status, or 3. Throws client::Refused.
int run_command(client::Client& client, const std::string& domain, const Command& command);

/// Whether standard input is something to read: neither a terminal nor /dev/null.
bool input_is_there();
/// All of standard input. Throws core::InputError when it is more than a console is given.
std::string read_input();

}  // namespace kvmtest::kvmsh
