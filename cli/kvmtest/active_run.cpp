#include "kvmtest/active_run.h"

#include <cstdint>

#include <nlohmann/json.hpp>

namespace kvmtest::command {
namespace {

std::optional<core::RunId> run_in(const nlohmann::json& answer) {
  if (answer.at("run").is_null()) return std::nullopt;
  return core::RunId{answer.at("run").get<std::int64_t>()};
}

/// The run that the daemon begins.
std::optional<core::RunId> asked(const Context& context, client::Client& client, const std::string& target,
                                 const nlohmann::json& wanted, std::optional<StopSignals>& signals) {
  std::optional<core::RunId> run;
  client.with_daemon(context.common.config, [&] {
    if (!signals) signals.emplace();
    run = run_in(client.post(target, wanted));
  });
  return run;
}

}  // namespace

std::optional<core::RunId> active_run(client::Client& client) {
  try {
    return run_in(client.get("/v1/status"));
  } catch (const client::Gone&) {
    return std::nullopt;
  }
}

core::RunId start_run(const Context& context, client::Client& client, const planning::RunRequest& request,
                      std::optional<StopSignals>& signals) {
  return *asked(context, client, "/v1/runs", planning::to_json(request), signals);
}

std::optional<core::RunId> resume_run(const Context& context, client::Client& client,
                                      std::optional<StopSignals>& signals) {
  return asked(context, client, "/v1/runs/resume", nlohmann::json::object(), signals);
}

}  // namespace kvmtest::command
