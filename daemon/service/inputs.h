#pragma once
// What decides about a test's verdict besides chance: its own files and its guests. As one short name, so that history
// can tell a test that was changed from one that changed its mind.

#include <functional>
#include <string>
#include <vector>

#include "suite/format.h"

namespace kvmtest::service {

/// Names the contents of the test's file (of a directory: of the files directly in it) and the states of its hosts, as
/// `guest` names them; 32 hexadecimal digits. Files that cannot be read count as empty. Throws what `guest` throws. Any
/// thread.
std::string inputs_of(const suite::Test& test, const std::function<std::string(const std::string& host)>& guest);
/// Of each of the tests; `guest` is asked once a host.
std::vector<std::string> inputs_of(const std::vector<suite::LoadedTest>& tests,
                                   const std::function<std::string(const std::string& host)>& guest);

}  // namespace kvmtest::service
