#pragma once
// A record as one line of text, for the log and for plain live display. Pure; any thread.

#include <optional>
#include <string>

#include "core/record.h"

namespace kvmtest::report {

/// Who reads a record's line. `quiet`: everybody, also with --quiet. `live`: those who see the run's progress drawn,
/// too. `verbose`: only with --verbose.
enum class Verbosity { quiet, live, normal, verbose };

Verbosity verbosity(const core::record::Record& record);

/// The record's line, without a time and without \n; nothing for a record that only feeds measurements (Sample).
/// Control characters in what guests wrote come out as \xNN, so it is one line whatever happened.
std::optional<std::string> line(const core::record::Record& record);

}  // namespace kvmtest::report
