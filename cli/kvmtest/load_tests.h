#pragma once
// The tests that a command line, or the settings, name.

#include <filesystem>
#include <string>
#include <vector>

#include "settings/settings.h"
#include "suite/format.h"

namespace kvmtest::command {

/// The tests that `paths` name, or those of the settings when there are none. Throws core::InputError.
std::vector<suite::LoadedTest> load_tests(const settings::Settings& settings, const std::vector<std::string>& paths,
                                          const std::string& format);
/// The paths as a run request wants them, and what they are relative to.
struct Paths {
  std::vector<std::string> tests;
  std::filesystem::path base;
};
Paths resolve(const settings::Settings& settings, const std::vector<std::string>& paths);

}  // namespace kvmtest::command
