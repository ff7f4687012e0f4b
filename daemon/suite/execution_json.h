#pragma once
// What came of an attempt, as JSON: the file execution.json of its output. Pure; any thread.

#include <nlohmann/json_fwd.hpp>

#include "suite/test.h"

namespace kvmtest::suite {

/// Without its times, which the database has.
nlohmann::json to_json(const Execution& execution);
/// The inverse. Throws std::runtime_error for what to_json() does not write.
Execution execution_from(const nlohmann::json& json);

}  // namespace kvmtest::suite
