#pragma once
// Options that every command takes, and the settings they lead to.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/command_line.h"
#include "settings/settings.h"

namespace kvmtest::client {

/// Defaults, then the settings file, then the environment, then the command line.
struct CommonOptions {
  std::optional<std::filesystem::path> config;
  std::optional<std::filesystem::path> state_dir;
  std::optional<std::string> workers;
  std::optional<std::string> prefixes;
  std::optional<std::string> uri;
  std::optional<std::string> accelerator;
  std::optional<std::filesystem::path> domains;
  std::vector<std::string> prefix_paths;  ///< DIR/PREFIX each, as libreswan's own runner has them

  void add_to(Command& command);
  /// Throws core::InputError.
  [[nodiscard]] settings::Settings settings() const;
  /// What was given of them, for a command line that is suggested: " --config other.yaml". Those that say where things
  /// are, and with `all` those that only matter to who runs something.
  [[nodiscard]] std::string again(bool all) const;

 private:
  void take_prefix_paths(settings::Settings& settings) const;
};

/// Runs `body` and turns what it throws into one line on standard error and an exit status.
int with_errors(const char* program, const std::function<int()>& body);

}  // namespace kvmtest::client
