#pragma once
// What an attempt's commands printed, as JSON. Bytes travel as text whose code points are the bytes (Latin-1), so that
// nothing of a guest's output is lost. Pure; any thread.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "suite/test.h"

namespace kvmtest::wire {

/// Each byte as the code point of its value, in UTF-8.
std::string text_from_bytes(std::string_view bytes);
/// The inverse. Throws std::runtime_error for a code point above 255.
std::string bytes_from_text(std::string_view text);

nlohmann::json to_json(const suite::Execution& execution);
/// Throws std::runtime_error.
suite::Execution execution_from(const nlohmann::json& json);

}  // namespace kvmtest::wire
