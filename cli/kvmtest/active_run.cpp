#include "kvmtest/active_run.h"

#include <cstdint>

#include <nlohmann/json.hpp>

namespace kvmtest::command {
namespace {

std::optional<core::RunId> run_in(const nlohmann::json& answer) {
  if (answer.at("run").is_null()) return std::nullopt;
  return core::RunId{answer.at("run").get<std::int64_t>()};
}

}  // namespace

std::optional<core::RunId> active_run(client::Client& client) {
  try {
    return run_in(client.get("/v1/status"));
  } catch (const client::Gone&) {
    return std::nullopt;
  }
}

std::optional<core::RunId> resume_run(client::Client& client) { return run_in(client.post("/v1/runs/resume")); }

}  // namespace kvmtest::command
