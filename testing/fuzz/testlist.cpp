// libreswan's TESTLIST.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>

#include "core/input_error.h"
#include "suite/libreswan/testlist.h"

using namespace kvmtest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  try {
    std::set<std::string> names;
    for (const auto& test : suite::libreswan::parse_testlist(text, "TESTLIST")) {
      if (test.kind.empty() || test.name.empty() || test.status.empty()) std::abort();
      if (test.line == 0 || test.line > lines || !names.insert(test.name).second) std::abort();
    }
  } catch (const core::InputError& error) {
    if (!std::string_view(error.what()).starts_with("TESTLIST:")) std::abort();
  }
  return 0;
}
