// What describes programs as tests: the comment at a program's top, and lists. The input is read as both.

#include <cstdint>
#include <cstdlib>

#include "suite/program.h"

using namespace kvmtest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    if (const auto test = suite::parse_program(text, "fuzz", "fuzz/fuzz"); test && test->hosts.empty()) std::abort();
  } catch (const core::InputError&) {
    // Refused, with a reason.
  }
  try {
    for (const suite::Test& test : suite::parse_list(text, "fuzz.tests", "fuzz", "/"))
      if (test.hosts.empty() || !test.program || test.name.size() < 6) std::abort();
  } catch (const core::InputError&) {
    return 0;
  }
  return 0;
}
