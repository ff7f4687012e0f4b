#pragma once
// Records as JSON: what clients read and what the database keeps. Pure; any thread.
//
// An entry is {"run", "sequence", "time", "kind", …the fields of the body by their C++ names…}. Times are ISO-8601 in
// UTC with microseconds, durations are seconds; both survive the way there and back exactly. Words stand for
// enumerations.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/record.h"

namespace kvmtest::wire {

/// The body's discriminator: its type in kebab-case, "run-started".
std::string_view kind(const core::record::Body& body);

nlohmann::json to_json(const core::record::Record& record);
/// The inverse of to_json. A field that is not there keeps its default (a record of an older version lacks the newer
/// fields) and an unknown one is ignored; an unknown kind, a wrong type or a number out of range throws
/// std::runtime_error with one line that names the field.
core::record::Record record_from(const nlohmann::json& json);

/// The body alone, as an object without "kind"; and back, by its kind. Throws as record_from does.
nlohmann::json body_to_json(const core::record::Body& body);
core::record::Body body_from(std::string_view kind, const nlohmann::json& json);

/// As in a record: [{"host", "name", "detail"}].
nlohmann::json to_json(const std::vector<core::Issue>& issues);
nlohmann::json to_json(const std::vector<core::Point>& points);
nlohmann::json to_json(const std::vector<core::record::HostUse>& use);

/// The text of `json` on one line. Never throws for what a guest wrote: a byte that is not UTF-8 becomes U+FFFD.
/// Whatever a terminal might act on stands as \uNNNN.
std::string dump(const nlohmann::json& json);

/// "2026-01-31T23:59:59.000001Z".
std::string iso8601(core::WallTime time);
/// The inverse of iso8601, for exactly that form; throws std::runtime_error for anything else.
core::WallTime wall_time_from(std::string_view text);

}  // namespace kvmtest::wire
