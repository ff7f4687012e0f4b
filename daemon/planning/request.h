#pragma once
// What a client asks for when it starts a run: the client's protocol. As JSON on the wire and in the database. Pure;
// any thread.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/model.h"
#include "planning/choice.h"
#include "settings/settings.h"
#include "settings/values.h"

namespace kvmtest::planning {

struct RunRequest {
  std::vector<std::string> tests;  ///< paths as the user wrote them
  std::filesystem::path base;      ///< what they are relative to; absolute
  std::string format;              ///< forced format, or empty
  std::vector<std::string> prefixes;
  unsigned workers = 1;
  settings::Settings::Automatic automatic{.workers = false,
                                          .prefixes = false};  ///< how many of those: as the load bears
  settings::ResetMethod reset = settings::ResetMethod::snapshot;
  bool keep = true;    ///< saved states are for later runs, too
  bool spares = true;  ///< domains have one each, while there is memory for it
  Choice choice{};
  /// Of it, the client says retries, repeat, until_fail, keep_failed and max_fail; the daemon's settings say the rest.
  core::Policy policy{};
  bool require_some = false;  ///< the run fails when no test came to a result of its own
};

/// A request for a run as the settings have it, of no test yet.
RunRequest request_from(const settings::Settings& settings);

/// The largest numbers that a policy may have.
inline constexpr unsigned most_retries = 100;
inline constexpr unsigned most_repeat = 1'000'000;

/// Throws core::InputError where wishes exclude each other, or are beyond all measure.
void check(const core::Policy& policy);
/// The same for all of a request that can be looked at without a disk, in the words of the command line.
void check(const RunRequest& request);

nlohmann::json to_json(const RunRequest& request);
/// A shuffle without a seed gets `fresh_seed`; to_json() always writes one. Throws core::InputError for missing
/// members, wrong types, and what check() refuses.
RunRequest request_from(const nlohmann::json& json, std::uint64_t fresh_seed = 0);

}  // namespace kvmtest::planning
