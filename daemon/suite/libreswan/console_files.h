#pragma once
// The raw consoles of an attempt as libreswan's tools expect them: the domains' consoles do not echo, so prompts and
// commands are written here. Pure; any thread.

#include <map>
#include <string>

#include "suite/test.h"

namespace kvmtest::suite::libreswan {

/// Marks that the checkout's sanitizers and judging know.
namespace mark {
inline constexpr const char* left = ">>>>>>>>>>";
inline constexpr const char* right = "<<<<<<<<<<";
inline constexpr const char* done = ">>>>>>>>>>cut>>>>>>>>>> done <<<<<<<<<<tuc<<<<<<<<<<";
}  // namespace mark

/// What an attempt's hosts are called by their files: by domain host, its guest's host.
std::map<std::string, std::string> file_names(const Test& test);

/// The text of HOST.console.verbose.txt by host, and that of all.console.verbose.txt by "all". `test` holds the steps
/// that `execution` counts, whether or not the last of them, those of the post-mortem, were to run.
std::map<std::string, std::string> console_texts(const Test& test, const Execution& execution);

}  // namespace kvmtest::suite::libreswan
