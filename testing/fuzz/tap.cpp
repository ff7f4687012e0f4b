// TAP, as any program may print it.

#include <cstdint>
#include <cstdlib>

#include "suite/tap.h"

using namespace kvmtest::suite;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view output(reinterpret_cast<const char*>(data), size);
  const Tap tap = parse_tap(output);
  const bool complete = tap.errors.empty() && !tap.bailed_out;
  if (complete && (!tap.planned || tap.points.size() != *tap.planned)) std::abort();
  if (tap.planned && !looks_like_tap(output)) std::abort();
  for (const TapPoint& point : tap.points)
    if (point.number == 0 || point.description.find('\n') != std::string::npos) std::abort();
  return 0;
}
