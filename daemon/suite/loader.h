#pragma once
// From what a user typed to the list of tests. Reads files; any thread.

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "core/input_error.h"
#include "settings/settings.h"
#include "suite/format.h"

namespace kvmtest::suite {

/// Every format kvmtest knows, in the order they are tried.
const std::vector<const Format*>& formats();

/// The tests that `paths` name, in the order named, those of a directory in the order of their format; a test named
/// twice is there once. A path is relative to `base` (empty: the current directory) and may leave out a file's suffix.
/// Hosts outside `known_hosts` are an error, unless that is null. `format` forces one by its name; empty: found by
/// looking. Throws core::InputError: no such path, a directory without tests, two tests of one name, whatever the
/// format refuses.
std::vector<LoadedTest> load(const std::vector<std::string>& paths, const std::set<std::string>* known_hosts = nullptr,
                             const std::filesystem::path& base = {}, const std::string& format = {});
/// The same, with `context.base` as the base.
std::vector<LoadedTest> load(const std::vector<std::string>& paths, LoadContext context, const std::string& format);

/// What the settings say about loading; its base is the project.
LoadContext context_for(const settings::Settings& settings, const std::set<std::string>* known_hosts);

}  // namespace kvmtest::suite
