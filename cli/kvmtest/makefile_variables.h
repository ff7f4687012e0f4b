#pragma once
// Variables in a file that a Makefile includes: Makefile.inc.local. Pure; any thread.

#include <string>
#include <string_view>

namespace kvmtest::command {

/// The text with that variable set so. The last line that sets it is replaced; where there is none, one is added at
/// the end. Comments and all other lines stay as they are.
std::string with_variable(std::string_view text, std::string_view name, std::string_view value);

}  // namespace kvmtest::command
