// What attempts printed, as JSON: what can be read is written and read again as the same.

#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "suite/execution_json.h"
#include "wire/bytes.h"

using namespace kvmtest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (wire::bytes_from_text(wire::text_from_bytes(input)) != input) std::abort();
  const auto json = nlohmann::json::parse(input, nullptr, false);
  if (json.is_discarded()) return 0;
  suite::Execution execution;
  try {
    execution = suite::execution_from(json);
  } catch (const std::runtime_error&) {
    return 0;
  }
  const auto written = suite::to_json(execution);
  if (suite::to_json(suite::execution_from(written)) != written) std::abort();
  return 0;
}
