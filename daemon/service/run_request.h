#pragma once
// What a client asks for when it starts a run, as JSON on the wire and in the database. Pure.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "settings/values.h"
#include "suite/filter.h"
#include "suite/selection.h"

namespace kvmtest::service {

struct RunRequest {
  std::vector<std::string> tests;  ///< paths as the user wrote them
  std::filesystem::path base;      ///< what they are relative to; absolute
  std::string format;              ///< forced format, or empty
  std::vector<std::string> prefixes;
  unsigned workers = 1;
  settings::ResetMethod reset = settings::ResetMethod::snapshot;
  bool keep = true;    ///< saved states are for later runs, too
  bool spares = true;  ///< domains have one each, while there is memory for it
  suite::Selection selection{};
  suite::Filter filter{};               ///< which of the tests
  std::vector<std::string> left_out{};  ///< names of tests not to run, for their earlier results
  bool keep_failed = false;             ///< the domains of a test that did not pass stay as they are
  bool require_some = false;            ///< the run fails when no test came to a result of its own
  unsigned max_fail = 0;                ///< see settings::Settings
  std::optional<bool> post_mortem{};    ///< whether suites may look at the hosts afterwards; none: with several tests
};

nlohmann::json to_json(const RunRequest& request);
/// Throws core::InputError for missing members or wrong types.
RunRequest run_request_from(const nlohmann::json& json);

}  // namespace kvmtest::service
