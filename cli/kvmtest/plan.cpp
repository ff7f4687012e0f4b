// kvmtest plan: how long the suite would take with so many workers and prefixes, told from past durations by running
// the scheduler in virtual time.

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/command.h"
#include "simulator/predict.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

using nlohmann::json;

struct PlanOptions {
  std::vector<std::string> tests;
  std::string format;
  SelectionOptions selection;
  suite::Filter filter;
  std::vector<unsigned> workers;
  std::vector<unsigned> prefixes;
  long run = 0;
  double boot = 0;  ///< seconds; 0: as in the run
  bool json = false;
};

/// A suite as predict() wants it, and how much of it is a guess.
struct Basis {
  simulator::Workload workload;
  std::size_t unknown = 0;  ///< tests that never ran; they count as the median of the others
  core::RunId run;
  suite::Order order = suite::Order::listed;
};

// What destroy is allowed to take (docs/architecture.md); runs do not tell their destructions apart.
constexpr core::Duration destroy_time = std::chrono::milliseconds(300);

core::Duration median(std::vector<core::Duration> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? core::Duration{} : values[values.size() / 2];
}

Basis read_basis(const settings::Settings& settings, const PlanOptions& options) {
  // What is wrong with them is told, whether there was a run or not.
  auto tests = load_tests(settings, options.tests, options.format);
  Basis basis;
  basis.run = chosen_run(settings, options.run);
  const auto summary = read_summary(settings, basis.run);
  auto& work = basis.workload;
  work.cores = std::max(1U, std::thread::hardware_concurrency());
  work.judges = settings.judges;
  work.destroy = destroy_time;
  // Where there were more resets than cores they slowed each other down; the simulator does that by itself.
  const double crowding = std::max(1.0, static_cast<double>(summary.workers) / work.cores);
  work.boot = core::Duration(
      static_cast<core::Duration::rep>(static_cast<double>(summary.resets.boots.median.count()) / crowding));
  // A run without a single boot found all its states kept; the next one will, too.
  const auto& resets = summary.resets;
  work.go_back = (resets.swaps.count > resets.loads.count ? resets.swaps : resets.loads).median;
  if (work.go_back <= core::Duration{}) work.go_back = summary.resets.restores.median;
  work.states_kept = work.boot <= core::Duration{};
  if (options.boot > 0) work.boot = core::Duration(static_cast<core::Duration::rep>(options.boot * 1e6));
  if (work.boot <= core::Duration{} && work.go_back <= core::Duration{})
    throw core::InputError(
        fmt::format("run {} reset no domain; name another with --run, or a time with --boot", basis.run.value));

  tell_left_out(filter_out(options.filter, tests), 0);
  suite::check_any_can_run(tests);
  const auto cannot_run = std::erase_if(tests, [](const auto& loaded) { return !loaded.test.obstacle.empty(); });
  if (cannot_run > 0) std::cerr << fmt::format("{} tests cannot run here and are not counted\n", cannot_run);
  const suite::Past before = read_past(settings, tests);
  const suite::Selection selection = options.selection.selection();
  basis.order = suite::resolved(selection, before);
  tests = suite::choose(std::move(tests), selection, before);
  const auto& past = before.durations;
  std::vector<core::Duration> known;
  for (const auto& [name, duration] : past) known.push_back(duration);
  for (const auto& loaded : tests) {
    const auto found = past.find(loaded.test.name);
    if (found == past.end()) ++basis.unknown;
    std::vector<core::Host> hosts;
    for (const std::string& host : loaded.test.hosts) hosts.emplace_back(host);
    work.tests.push_back({loaded.test.name, std::move(hosts), found == past.end() ? median(known) : found->second, {}});
  }
  return basis;
}

std::string minutes(core::Duration duration) {
  const long seconds = std::lround(core::seconds(duration));
  return seconds < 60 ? fmt::format("{:.1f}s", core::seconds(duration))
                      : fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
}

void print_table(const Basis& basis, const settings::Settings& settings, const PlanOptions& options) {
  const auto& work = basis.workload;
  std::cout << fmt::format(
      "{} tests, order {}, {} to boot a domain{} (run {}), {} cores{}\n\n{:>10}", work.tests.size(),
      suite::to_string(basis.order), minutes(work.boot),
      work.go_back.count() > 0 ? fmt::format(", {} to go back to its saved state", minutes(work.go_back)) : "",
      basis.run.value, work.cores,
      basis.unknown == 0 ? "" : fmt::format(", {} tests never ran and count as the median", basis.unknown), "prefixes");
  for (const unsigned workers : options.workers)
    std::cout << fmt::format("{:>12}", fmt::format("{} worker{}", workers, workers == 1 ? "" : "s"));
  std::cout << '\n';
  for (const unsigned prefixes : options.prefixes) {
    std::cout << fmt::format("{:>10}", prefixes);
    for (const unsigned workers : options.workers) {
      const bool set = workers == settings.workers && prefixes == settings.prefixes.size();
      const auto forecast = simulator::predict(work, workers, prefixes);
      std::cout << fmt::format("{:>12}", (set ? "*" : "") + minutes(forecast.makespan));
    }
    std::cout << '\n';
  }
  std::cout << "\n* as set now. Tests are taken to last as long as they did, however many run.\n";
}

int plan(const Context& context, PlanOptions options) {
  const auto settings = context.common.settings();
  const Basis basis = read_basis(settings, options);
  if (options.workers.empty()) options.workers = {1, 2, 3, 4, 6, 8};
  if (options.prefixes.empty()) options.prefixes = {1, 2, 3, 4, 6};
  if (!options.json) {
    print_table(basis, settings, options);
    return 0;
  }
  for (const unsigned prefixes : options.prefixes)
    for (const unsigned workers : options.workers) {
      const auto forecast = simulator::predict(basis.workload, workers, prefixes);
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
  verb.add_option("--format", options->format, "take the tests to be in this format instead of looking");
  options->selection.add_choice_to(verb);
  add_filter(verb, options->filter);
  // Names of their own: --workers and --prefixes are settings, and change what is set now.
  verb.add_option("--with-workers", options->workers, "numbers of workers to try").within(1, 1024);
  verb.add_option("--with-prefixes", options->prefixes, "numbers of prefixes to try").within(1, 1024);
  verb.add_option("--run", options->run, "the run that tells how long a reset takes (default: the newest)");
  verb.add_option("--boot", options->boot, "seconds a reset takes, instead").positive();
  verb.add_flag("--json", options->json, "one JSON object a combination");
}

}  // namespace kvmtest::command
