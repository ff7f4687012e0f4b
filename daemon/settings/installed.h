#pragma once
// Where an installed program finds what it comes with.

#include <filesystem>

namespace kvmtest::settings {

/// PREFIX/share/kvmtest of the program that runs: templates, scripts that make guests. Need not be there. Any thread.
std::filesystem::path installed_files();

}  // namespace kvmtest::settings
