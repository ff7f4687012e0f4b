// kvmtest plan: how long the suite would take with so many workers and prefixes, told from past durations by running
// the scheduler in virtual time.

#include <cmath>
#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/choosing.h"
#include "kvmtest/load_tests.h"
#include "kvmtest/past_runs.h"
#include "kvmtest/verbs.h"
#include "planning/forecast.h"
#include "planning/request.h"
#include "setup/machine.h"
#include "telemetry/database.h"
#include "telemetry/queries.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

using nlohmann::json;

struct PlanOptions {
  std::vector<std::string> tests;
  std::string format;
  ChoiceOptions choice;
  std::vector<unsigned> workers;
  std::vector<unsigned> prefixes;
  long run = 0;
  double boot = 0;  ///< seconds; 0: as in the run
  bool json = false;
};

/// A suite to forecast, and the run that tells how long it takes.
struct Suite {
  planning::Basis basis;
  planning::Order order = planning::Order::listed;
  core::RunId run;
};

std::vector<report::ResetTime> read_resets(const settings::Settings& settings, core::RunId run) {
  telemetry::Database database(settings.state_dir.database());
  return telemetry::Queries(database).reset_times(run);
}

Suite read_suite(const settings::Settings& settings, const PlanOptions& options) {
  // What is wrong with them is told, whether there was a run or not.
  auto loaded = load_tests(settings, options.tests, options.format);
  const core::RunId run = chosen_run(settings, options.run);
  const auto summary = read_summary(settings, run);
  const auto resets = read_resets(settings, run);
  if (resets.empty() && options.boot <= 0)
    throw core::InputError(
        fmt::format("run {} reset no domain; name another with --run, or a time with --boot", run.value));

  // Domains become clean as they did in the run.
  auto request = planning::request_from(json::parse(summary.settings));
  request.policy = {};
  request.choice = options.choice.read();
  auto wanted = planning::wanted(std::move(loaded), request.choice);
  tell_left_out(wanted.told(), 0);
  const planning::Past past = read_past(settings, wanted.tests);
  const planning::Order order = planning::resolved(request.choice, past);
  auto tests = planning::choose(std::move(wanted.tests), request.choice, past);
  const domains::Templates templates(settings.domains.templates, settings.domains.ready);
  Suite suite{planning::basis_from(summary, resets, past, std::move(request), std::move(tests),
                                   setup::machine(settings, templates), settings,
                                   core::Duration(static_cast<core::Duration::rep>(options.boot * 1e6))),
              order, run};
  if (const auto cannot_run = suite.basis.tests.size() - suite.basis.runnable(); cannot_run > 0)
    std::cerr << fmt::format("{} tests cannot run here and are not counted\n", cannot_run);
  return suite;
}

std::string minutes(core::Duration duration) {
  const long seconds = std::lround(core::seconds(duration));
  return seconds < 60 ? fmt::format("{:.1f}s", core::seconds(duration))
                      : fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
}

void print_table(const Suite& suite, const settings::Settings& settings, const PlanOptions& options) {
  const planning::Basis& basis = suite.basis;
  const auto& resets = basis.timings.resets;
  std::cout << fmt::format(
      "{} tests, order {}, {} to boot a domain{} (run {}), {} cores{}\n\n{:>10}", basis.runnable(),
      planning::to_string(suite.order), minutes(resets.boot),
      resets.load.count() > 0 ? fmt::format(", {} to go back to its saved state", minutes(resets.load)) : "",
      suite.run.value, basis.machine.cores,
      basis.unknown == 0 ? "" : fmt::format(", {} tests never ran and count as the median", basis.unknown), "prefixes");
  for (const unsigned workers : options.workers)
    std::cout << fmt::format("{:>12}", fmt::format("{} worker{}", workers, workers == 1 ? "" : "s"));
  std::cout << '\n';
  for (const unsigned prefixes : options.prefixes) {
    std::cout << fmt::format("{:>10}", prefixes);
    for (const unsigned workers : options.workers) {
      const bool set = workers == settings.workers && prefixes == settings.prefixes.size();
      const auto forecast = planning::forecast(basis, workers, prefixes);
      std::cout << fmt::format("{:>12}", (set ? "*" : "") + minutes(forecast.makespan));
    }
    std::cout << '\n';
  }
  std::cout << "\n* as set now. Tests are taken to last as long as they did, however many run.\n";
}

int plan(const Context& context, PlanOptions options) {
  const auto settings = context.common.settings();
  const Suite suite = read_suite(settings, options);
  if (options.workers.empty()) options.workers = {1, 2, 3, 4, 6, 8};
  if (options.prefixes.empty()) options.prefixes = {1, 2, 3, 4, 6};
  if (!options.json) {
    print_table(suite, settings, options);
    return 0;
  }
  for (const unsigned prefixes : options.prefixes)
    for (const unsigned workers : options.workers) {
      const auto forecast = planning::forecast(suite.basis, workers, prefixes);
      std::cout << wire::dump(json{{"prefixes", prefixes},
                                   {"workers", workers},
                                   {"makespan", core::seconds(forecast.makespan)},
                                   {"slots_used", forecast.slots_used},
                                   {"prefixes_used", forecast.prefixes_used}})
                << '\n';
    }
  return 0;
}

}  // namespace

void add_plan(client::Command& program, Context& context) {
  auto options = std::make_shared<PlanOptions>();
  client::Command verb =
      add_verb(program, context, "plan", "how long the tests would take with other workers and prefixes",
               [&context, options] { return plan(context, *options); });
  verb.add_words("TESTS", options->tests, "tests or directories of tests (default: 'tests' of the settings)");
  verb.add_option("--format", options->format, "the tests' format (default: found out from the files)");
  options->choice.add_to(verb);
  add_filter(verb, options->choice.choice.filter);
  // Names of their own: --workers and --prefixes are settings, and change what is set now.
  verb.add_option("--with-workers", options->workers, "numbers of workers to try").within(1, 1024);
  verb.add_option("--with-prefixes", options->prefixes, "numbers of prefixes to try").within(1, 1024);
  verb.add_option("--run", options->run, "the run that tells how long a reset takes (default: the newest)");
  verb.add_option("--boot", options->boot, "seconds a reset takes, instead").positive();
  verb.add_flag("--json", options->json, "one JSON object a combination");
}

}  // namespace kvmtest::command
