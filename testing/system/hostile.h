#pragma once
// A suite whose programs try what no suite needs. Each of them passes when it is kept from that.

#include <map>
#include <string>

namespace kvmtest::testing {

/// Its files' texts by their paths below the project. The tests are hostile/NAME, of east.
std::map<std::string, std::string> hostile_suite();

}  // namespace kvmtest::testing
