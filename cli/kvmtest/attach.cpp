// kvmtest attach: follows the active run; one that a daemon's end interrupted goes on.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/input_error.h"
#include "kvmtest/active_run.h"
#include "kvmtest/follow.h"
#include "kvmtest/report_file.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {
namespace {

struct AttachOptions {
  bool quiet = false;
  bool verbose = false;
  std::vector<std::string> reports;
};

int attach(const Context& context, const AttachOptions& options) {
  const auto settings = context.common.settings();
  ReportFiles reports(settings, options.reports);
  client::Client client(settings);
  std::optional<core::RunId> id = active_run(client);
  std::optional<StopSignals> signals;
  if (!id) id = resume_run(context, client, signals);
  if (!signals) signals.emplace();
  if (!id)
    throw core::InputError(fmt::format("no run is active here; '{}' shows the last one", context.verb("results")));
  return follow(context, client, settings, *id, {options.quiet, options.verbose, OnInterrupt::stop, &reports, {}},
                *signals);
}

}  // namespace

void add_attach(client::Command& program, Context& context) {
  auto options = std::make_shared<AttachOptions>();
  client::Command verb = add_verb(program, context, "attach", "follow the active run, or go on with an interrupted one",
                                  [&context, options] { return attach(context, *options); });
  add_reports(verb, options->reports);
  add_verbosity(verb, options->quiet, options->verbose);
}

}  // namespace kvmtest::command
