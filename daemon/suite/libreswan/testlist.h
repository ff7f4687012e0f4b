#pragma once
// A checkout's list of tests. Any thread.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "suite/test_name.h"

namespace kvmtest::suite::libreswan {

/// A line of TESTLIST: kind, name, status.
struct ListedTest {
  std::string kind;
  TestName name;
  std::string status;
  unsigned line = 0;  ///< from 1
};

/// Parses a list's text; `label` is its name in messages. Throws core::InputError "label:line: message" for too few or
/// too many fields, for what is no name of a test, and for a name that was there before. Pure.
std::vector<ListedTest> parse_testlist(std::string_view text, const std::filesystem::path& label);

/// The list that an absolute path means: itself, TESTLIST in it, in its pluto/, or in its testing/pluto/.
std::optional<std::filesystem::path> find_testlist(const std::filesystem::path& path);

}  // namespace kvmtest::suite::libreswan
