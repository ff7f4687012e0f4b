// kvmtest watch: follows the active run without a hand in it.

#include <memory>

#include <fmt/format.h>

#include "core/input_error.h"
#include "kvmtest/active_run.h"
#include "kvmtest/follow.h"
#include "kvmtest/past_runs.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {
namespace {

struct WatchOptions {
  long run = 0;
  bool quiet = false;
  bool verbose = false;
};

int watch(const Context& context, const WatchOptions& options) {
  const auto settings = context.common.settings();
  client::Client client(settings);
  const auto active = active_run(client);
  const core::RunId wanted{options.run};
  if (options.run > 0 && wanted != active) {
    chosen_run(settings, options.run);  // says so when there is none
    throw core::InputError(fmt::format("run {0} is not active; '{1} --run {0}' shows what came of it", options.run,
                                       context.verb("results")));
  }
  if (!active)
    throw core::InputError(
        fmt::format("no run is active here; '{}' shows the last one, '{}' goes on with an interrupted one",
                    context.verb("results"), context.verb("attach")));
  StopSignals signals;
  return follow(context, client, settings, *active, {options.quiet, options.verbose, OnInterrupt::leave, nullptr, {}},
                signals);
}

}  // namespace

void add_watch(client::Command& program, Context& context) {
  auto options = std::make_shared<WatchOptions>();
  client::Command verb = add_verb(program, context, "watch", "look on while a run that was started elsewhere goes on",
                                  [&context, options] { return watch(context, *options); });
  verb.add_option("RUN", options->run, "the run's number, which must be active (default: the active one)")
      .within(1L, 1'000'000'000L);
  add_verbosity(verb, options->quiet, options->verbose);
  verb.footer(
      "Control-C leaves with status 130, and the run goes on. At the run's end, the summary is printed and the exit "
      "status is the run's.");
}

}  // namespace kvmtest::command
