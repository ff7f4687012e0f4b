#include "kvmtest/forecasts.h"

#include <cmath>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/load_tests.h"
#include "kvmtest/past_runs.h"
#include "planning/request.h"
#include "setup/machine.h"
#include "telemetry/database.h"
#include "telemetry/queries.h"

namespace kvmtest::command {

using nlohmann::json;

void SuiteOptions::add_to(client::Command& verb) {
  verb.add_words("TESTS", tests, "tests or directories of tests (default: 'tests' of the settings)");
  verb.add_option("--format", format, "the tests' format (default: found out from the files)");
  choice.add_to(verb);
  add_filter(verb, choice.choice.filter);
  verb.add_option("--run", run, "the run that tells how long resets and tests take (default: the newest)");
  verb.add_option("--boot", boot, "seconds a boot takes, instead").positive();
  verb.add_option("--cores", cores, "for a machine with so many cores, instead of this one").within(1U, 4096U);
  verb.add_option("--memory", memory, "for a machine with so much free memory, such as 64GiB").type_name("SIZE");
}

namespace {

std::vector<report::ResetTime> read_resets(const settings::Settings& settings, core::RunId run) {
  telemetry::Database database(settings.state_dir.database());
  return telemetry::Queries(database).reset_times(run);
}

}  // namespace

Suite read_suite(const settings::Settings& settings, const SuiteOptions& options) {
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
  if (options.cores > 0) suite.basis.machine.cores = suite.basis.timings.cores = options.cores;
  if (!options.memory.empty()) suite.basis.machine.memory_available = settings::parse_size(options.memory, "--memory");
  if (const auto cannot_run = suite.basis.tests.size() - suite.basis.runnable(); cannot_run > 0)
    std::cerr << fmt::format("{} tests cannot run here and are not counted\n", cannot_run);
  return suite;
}

std::vector<Wish> wishes(const std::vector<std::string>& words, const char* option) {
  constexpr unsigned most = 1024;
  std::vector<Wish> out;
  for (const std::string& word : words)
    out.push_back({word == "auto" ? std::nullopt : std::optional(settings::parse_number(word, option, 1, most))});
  return out;
}

json number_or_auto(const std::optional<unsigned>& number) { return number ? json(*number) : json("auto"); }

std::string minutes(core::Duration duration) {
  const long seconds = std::lround(core::seconds(duration));
  return seconds < 60 ? fmt::format("{:.1f}s", core::seconds(duration))
                      : fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
}

}  // namespace kvmtest::command
