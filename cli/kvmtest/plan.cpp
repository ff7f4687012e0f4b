// kvmtest plan: how long the suite would take with so many workers and prefixes, told from past runs by running the
// scheduler in virtual time.

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kvmtest/forecasts.h"
#include "kvmtest/verbs.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

using nlohmann::json;

struct PlanOptions {
  SuiteOptions suite;
  std::vector<std::string> workers{"1", "2", "4", "8", "auto"};
  std::vector<std::string> prefixes{"1", "2", "3", "4", "8", "auto"};
  bool json = false;
};

void print_table(const Suite& suite, const settings::Settings& settings, const std::vector<Wish>& of_workers,
                 const std::vector<Wish>& of_prefixes) {
  const planning::Basis& basis = suite.basis;
  const auto& resets = basis.timings.resets;
  std::cout << fmt::format(
      "{} tests, order {}, {} to boot a domain{} (run {}), {} cores{}\n\n{:>10}", basis.runnable(),
      planning::to_string(suite.order), minutes(resets.boot),
      resets.load.count() > 0 ? fmt::format(", {} to go back to its saved state", minutes(resets.load)) : "",
      suite.run.value, basis.timings.cores,
      basis.unknown == 0 ? "" : fmt::format(", {} tests never ran and count as the median", basis.unknown), "prefixes");
  for (const Wish& workers : of_workers)
    std::cout << fmt::format("{:>13}", fmt::format("{} worker{}", workers.text(), workers.number == 1U ? "" : "s"));
  std::cout << '\n';
  for (const Wish& prefixes : of_prefixes) {
    std::cout << fmt::format("{:>10}", prefixes.text());
    for (const Wish& workers : of_workers) {
      const bool set = workers.is(settings.automatic.workers, settings.workers) &&
                       prefixes.is(settings.automatic.prefixes, settings.prefixes.size());
      const auto forecast = planning::forecast(basis, {workers.number, prefixes.number});
      std::cout << fmt::format("{:>13}", (set ? "*" : "") + minutes(forecast.makespan)) << std::flush;
    }
    std::cout << '\n';
  }
  std::cout
      << "\n* as set now. Tests work and rest for as long as they did. Those that want more processors than there\n"
         "are stand still in turn. auto: as many as the load bears.\n";
}

void print_json(const Suite& suite, const std::vector<Wish>& of_workers, const std::vector<Wish>& of_prefixes) {
  for (const Wish& prefixes : of_prefixes)
    for (const Wish& workers : of_workers) {
      const auto forecast = planning::forecast(suite.basis, {workers.number, prefixes.number});
      std::cout << wire::dump(json{{"prefixes", number_or_auto(prefixes.number)},
                                   {"workers", number_or_auto(workers.number)},
                                   {"makespan", core::seconds(forecast.makespan)},
                                   {"slots_used", forecast.slots_used},
                                   {"prefixes_used", forecast.prefixes_used},
                                   {"prefixes_with_tests", forecast.prefixes},
                                   {"starved", forecast.starved},
                                   {"stood_still", forecast.stood_still}})
                << '\n';
    }
}

int plan(const Context& context, const PlanOptions& options) {
  const auto settings = context.common.settings();
  const auto workers = wishes(options.workers, "--with-workers");
  const auto prefixes = wishes(options.prefixes, "--with-prefixes");
  const Suite suite = read_suite(settings, options.suite);
  if (options.json)
    print_json(suite, workers, prefixes);
  else
    print_table(suite, settings, workers, prefixes);
  return 0;
}

}  // namespace

void add_plan(client::Command& program, Context& context) {
  auto options = std::make_shared<PlanOptions>();
  client::Command verb =
      add_verb(program, context, "plan", "how long the tests would take with other workers and prefixes",
               [&context, options] { return plan(context, *options); });
  options->suite.add_to(verb);
  // Names of their own: --workers and --prefixes are settings, and change what is set now.
  verb.add_option("--with-workers", options->workers, "numbers of workers to try, or auto").type_name("N|auto");
  verb.add_option("--with-prefixes", options->prefixes, "numbers of prefixes to try, or auto").type_name("N|auto");
  verb.add_flag("--json", options->json, "one JSON object a combination");
}

}  // namespace kvmtest::command
