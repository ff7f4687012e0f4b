// TAP, as any program may print it.

#include <cstdint>
#include <cstdlib>

#include "suite/tap.h"

using namespace kvmtest::suite;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view output(reinterpret_cast<const char*>(data), size);
  const Tap tap = parse_tap(output);
  std::size_t of_program = 0;
  unsigned level = 0;
  for (const TapPoint& point : tap.points) {
    of_program += point.level == 0 ? 1 : 0;
    // Each but the first goes on, goes up, or begins the subtest of the one before it.
    if (point.level > (&point == &tap.points.front() ? 0 : level + 1) || point.level >= Tap::deepest) std::abort();
    level = point.level;
    if (point.description.find('\n') != std::string::npos || point.reason.find('\n') != std::string::npos) std::abort();
    if (point.failed() && point.excused) std::abort();
  }
  const bool complete = tap.errors.empty() && !tap.bailed_out;
  if (complete && tap.planned && of_program != *tap.planned) std::abort();
  if (tap.planned && !looks_like_tap(output)) std::abort();
  return 0;
}
