#pragma once
// A command on a domain by SSH, over the daemon's connection.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "client/client.h"

namespace kvmtest::client {

struct SshCommand {
  std::string text;
  std::optional<double> limit{};  ///< seconds
  std::string token{};            ///< of the running test that this is called from; empty: none
};

/// Where a command's bytes come from and go to. Each is called by the thread that runs it.
struct SshStreams {
  int input = -1;  ///< a descriptor to read from; -1: there is no input
  std::function<void(std::string_view)> output{};
  std::function<void(std::string_view)> errors{};
};

/// Runs it; returns its exit status. Throws Refused when that is not known.
int run_by_ssh(Client& client, const std::string& domain, const SshCommand& command, const SshStreams& streams);

}  // namespace kvmtest::client
