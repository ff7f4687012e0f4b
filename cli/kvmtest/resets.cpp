// kvmtest resets: the saved states that domains go back to.

#include <iostream>
#include <memory>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/client.h"
#include "kvmtest/verbs.h"
#include "report/text.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

struct ResetsOptions {
  bool json = false;
  bool forget = false;
  bool inputs = false;
};

std::string age(const std::string& time) {
  const auto past = std::chrono::system_clock::now() - wire::wall_time_from(time);
  return report::duration_text(std::chrono::duration_cast<core::Duration>(past));
}

int resets(const Context& context, const ResetsOptions& options) {
  const auto settings = context.common.settings();
  client::Client client(settings);
  client.ensure_daemon(context.common.config);
  if (options.forget) {
    const auto forgotten = client.post("/v1/resets/forget").at("forgotten").get<unsigned>();
    std::cout << fmt::format("{} saved state{} forgotten\n", forgotten, forgotten == 1 ? "" : "s");
    return 0;
  }
  const auto kept = client.get("/v1/resets").at("kept");
  if (options.json) {
    std::cout << wire::dump(kept) << '\n';
    return 0;
  }
  if (kept.empty()) std::cout << "no state is saved here; the next run that resets by snapshot saves some\n";
  std::uint64_t total = 0;
  for (const auto& state : kept) {
    const auto bytes = state.at("bytes").get<std::uint64_t>();
    total += bytes;
    std::cout << fmt::format("{:12} {:6} MiB {:4}  made {} ago, used {} ago  {}\n",
                             state.at("domain").get<std::string>(), bytes >> 20U,
                             state.at("in_ram").get<bool>() ? "RAM" : "disk", age(state.at("made").get<std::string>()),
                             age(state.at("used").get<std::string>()), state.at("key").get<std::string>());
    if (options.inputs) std::cout << state.at("inputs").get<std::string>() << '\n';
  }
  if (!kept.empty()) std::cout << fmt::format("{} states, {} MiB\n", kept.size(), total >> 20U);
  return 0;
}

}  // namespace

void add_resets(client::Command& program, Context& context) {
  auto options = std::make_shared<ResetsOptions>();
  client::Command verb = add_verb(program, context, "resets", "list the saved states that domains go back to",
                                  [&context, options] { return resets(context, *options); });
  verb.add_flag("--inputs", options->inputs, "with everything that the state's key is made from");
  const auto json = verb.add_flag("--json", options->json, "as JSON, sizes in bytes");
  verb.add_flag("--forget", options->forget, "remove them all; the next run boots and saves anew").excludes(json);
}

}  // namespace kvmtest::command
