// kvmtest log: a run's records as lines again.

#include <iostream>
#include <memory>

#include "kvmtest/pager.h"
#include "kvmtest/past_runs.h"
#include "kvmtest/record_lines.h"
#include "kvmtest/text_look.h"
#include "kvmtest/verbs.h"
#include "telemetry/database.h"
#include "telemetry/queries.h"

namespace kvmtest::command {
namespace {

struct LogOptions {
  long run = 0;
  bool quiet = false;
  bool verbose = false;
  std::string color = "auto";
};

int log(const Context& context, const LogOptions& options) {
  constexpr std::size_t at_once = 1000;
  const auto settings = context.common.settings();
  const core::RunId run = chosen_run(settings, options.run);
  telemetry::Database database(settings.state_dir.database());
  telemetry::Queries queries(database);
  const auto wanted = options.quiet     ? report::Verbosity::quiet
                      : options.verbose ? report::Verbosity::verbose
                                        : report::Verbosity::normal;
  RecordLines lines(wanted, RecordLines::Stamp::date_and_time, text_options(options.color), false);
  const Pager pager;
  std::int64_t last = 0;
  // A pager that was left takes no more.
  while (std::cout) {
    const auto records = queries.records(run, last, at_once);
    for (const auto& record : records) std::cout << lines.text(record);
    if (records.size() < at_once) break;
    last = records.back().sequence;
    std::cout.flush();
  }
  return 0;
}

}  // namespace

void add_log(client::Command& program, Context& context) {
  auto options = std::make_shared<LogOptions>();
  client::Command verb =
      add_verb(program, context, "log", "print what happened in a run, a line an event, times in UTC",
               [&context, options] { return log(context, *options); });
  verb.add_option("RUN", options->run, "the run's number (default: the newest)");
  const auto quiet = verb.add_flag("-q,--quiet", options->quiet, "failures only");
  verb.add_flag("-v,--verbose", options->verbose, "every command and every domain's every step").excludes(quiet);
  add_color(verb, options->color);
}

}  // namespace kvmtest::command
