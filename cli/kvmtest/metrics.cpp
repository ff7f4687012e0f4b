// kvmtest metrics: for monitoring.

#include <iostream>

#include <nlohmann/json.hpp>

#include "client/client.h"
#include "kvmtest/verbs.h"
#include "report/metrics.h"
#include "telemetry/database.h"
#include "telemetry/metrics.h"

namespace kvmtest::command {
namespace {

report::Activity activity_from(const nlohmann::json& status) {
  report::Activity now;
  if (!status.at("run").is_null()) now.run = core::RunId{status.at("run").get<std::int64_t>()};
  now.tests = status.at("tests").get<unsigned>();
  now.decided = status.at("decided").get<unsigned>();
  const auto& pool = status.at("pool");
  now.slots = pool.at("slots").get<unsigned>();
  now.resetting = pool.at("resetting").get<unsigned>();
  now.queued = pool.at("queued").get<unsigned>();
  for (const auto& prefix : status.at("prefixes"))
    now.prefixes.push_back({prefix.at("prefix").get<std::string>(), prefix.at("state").get<std::string>()});
  return now;
}

}  // namespace

void add_metrics(client::Command& program, Context& context) {
  client::Command verb =
      add_verb(program, context, "metrics", "print figures for monitoring, in Prometheus' text form", [&context] {
        const auto settings = context.common.settings();
        report::Metrics metrics;
        if (std::filesystem::exists(settings.state_dir.database())) {
          telemetry::Database database(settings.state_dir.database());
          metrics = telemetry::metrics(database);
        }
        client::Client client(settings);
        try {
          metrics.activity = activity_from(client.get("/v1/status"));
        } catch (const client::Gone&) {
          // Then nothing is going on.
        }
        std::cout << report::metrics_text(metrics);
        return 0;
      });
  verb.footer("The daemon answers GET /metrics on its socket in the same words.");
}

}  // namespace kvmtest::command
