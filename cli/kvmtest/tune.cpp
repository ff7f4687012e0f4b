// kvmtest tune: what the tests come to with different numbers of workers and prefixes, by runs or as simulated, and
// which of these is enough.

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/follow.h"
#include "kvmtest/forecasts.h"
#include "kvmtest/load_tests.h"
#include "kvmtest/makefile_variables.h"
#include "kvmtest/past_runs.h"
#include "kvmtest/text_look.h"
#include "kvmtest/verbs.h"
#include "planning/request.h"
#include "report/tuning.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

using nlohmann::json;
using report::TuningRow;

struct TuneOptions {
  SuiteOptions suite;
  std::vector<std::string> workers;
  std::vector<std::string> prefixes;
  unsigned runs = 1;
  bool simulated = false;
  bool write = false;
  bool json = false;
};

/// Of runs with the same numbers.
TuningRow row_of(const std::vector<report::RunSummary>& runs) {
  TuningRow row;
  row.runs = static_cast<unsigned>(runs.size());
  std::vector<core::Duration> makespans;
  core::Duration whole{};
  core::Duration starved{};
  core::Duration frozen{};
  for (const report::RunSummary& run : runs) {
    makespans.push_back(run.makespan);
    row.tests += static_cast<unsigned>(run.tests.size());
    for (const report::TestResult& test : run.tests) {
      if (test.verdict == core::Verdict::failed || test.verdict == core::Verdict::unresolved) ++row.failed;
      for (const report::Attempt& attempt : test.attempts) {
        row.timeouts += report::has_issue(attempt, "TIMEOUT") ? 1 : 0;
        row.starved += report::has_issue(attempt, core::issue::starved) ? 1 : 0;
        whole += attempt.split.test;
        frozen += attempt.frozen;
        starved += core::record::of_group(attempt.use).starved;
      }
    }
  }
  std::sort(makespans.begin(), makespans.end());
  row.makespan = makespans[makespans.size() / 2];
  if (whole.count() > 0) {
    row.starved_share = core::seconds(starved) / core::seconds(whole);
    row.stood_still = core::seconds(frozen) / core::seconds(whole);
  }
  return row;
}

/// Real runs of the tests, one after the other.
class Runs {
 public:
  Runs(const Context& context, const settings::Settings& settings, const SuiteOptions& options)
      : context_(context), settings_(settings), request_(planning::request_from(settings)), client_(settings) {
    Paths paths = resolve(settings, options.tests);
    request_.tests = std::move(paths.tests);
    request_.base = std::move(paths.base);
    request_.format = options.format;
    request_.choice = options.choice.read();
    request_.policy.max_fail = 0;  // all are to be comparable
    request_.require_some = false;
  }

  /// Throws Ended.
  TuningRow row(const Wish& workers, const Wish& prefixes, unsigned count) {
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    request_.automatic = {.workers = !workers.number, .prefixes = !prefixes.number};
    request_.workers = workers.number.value_or(settings::most_automatic_workers(cores));
    request_.prefixes = settings::prefix_names(prefixes.number.value_or(settings::most_automatic_prefixes(cores)));
    std::vector<report::RunSummary> summaries;
    for (unsigned i = 0; i < count; ++i) {
      const core::RunId run = run_quietly(context_, client_, settings_, request_, signals_);
      summaries.push_back(read_summary(settings_, run));
      std::cerr << fmt::format("run {}: workers {}, prefixes {}: {}\n", run.value, workers.text(), prefixes.text(),
                               minutes(summaries.back().makespan));
    }
    TuningRow row = row_of(summaries);
    row.workers = workers.number;
    row.prefixes = prefixes.number;
    return row;
  }

 private:
  const Context& context_;
  const settings::Settings& settings_;
  planning::RunRequest request_;
  client::Client client_;
  std::optional<StopSignals> signals_;
};

TuningRow simulated_row(const planning::Basis& basis, const Wish& workers, const Wish& prefixes) {
  const auto forecast = planning::forecast(basis, {workers.number, prefixes.number});
  TuningRow row;
  row.workers = workers.number;
  row.prefixes = prefixes.number;
  row.makespan = forecast.makespan;
  row.tests = static_cast<unsigned>(basis.runnable());
  row.starved_share = forecast.starved;
  row.stood_still = forecast.stood_still;
  return row;
}

json to_json(const TuningRow& row, bool enough) {
  return {{"workers", number_or_auto(row.workers)},
          {"prefixes", number_or_auto(row.prefixes)},
          {"runs", row.runs},
          {"tests", row.tests},
          {"makespan", core::seconds(row.makespan)},
          {"failed", row.failed},
          {"timeouts", row.timeouts},
          {"starved_attempts", row.starved},
          {"starved", row.starved_share},
          {"stood_still", row.stood_still},
          {"enough", enough}};
}

/// As make understands it.
std::string prefixes_of(const TuningRow& row) {
  return row.prefixes ? fmt::format("{}", fmt::join(settings::prefix_names(*row.prefixes), " ")) : "auto";
}

/// Puts the numbers into the file that `make` reads.
void write(const std::filesystem::path& file, const TuningRow& row) {
  std::stringstream text;
  if (std::ifstream in(file); in) text << in.rdbuf();
  const std::string with_workers = with_variable(text.str(), "KVM_WORKERS", report::wish_text(row.workers));
  std::ofstream out(file, std::ios::trunc);
  out << with_variable(with_workers, "KVM_PREFIXES", prefixes_of(row)) << std::flush;
  if (!out) throw core::InputError(fmt::format("{} cannot be written", file.string()));
}

void tell(const settings::Settings& settings, const TuneOptions& options, const std::vector<TuningRow>& rows) {
  const auto best = report::knee(rows);
  if (options.json) {
    for (std::size_t i = 0; i < rows.size(); ++i) std::cout << wire::dump(to_json(rows[i], best == i)) << '\n';
  } else {
    std::cout << report::tuning_text(rows, text_options());
    if (best)
      std::cout << fmt::format("\nenough{}: KVM_WORKERS={} KVM_PREFIXES=\"{}\"\n",
                               options.simulated ? ", as simulated" : "", report::wish_text(rows[*best].workers),
                               prefixes_of(rows[*best]));
  }
  if (!options.write || !best) return;
  const auto file = settings.project / "Makefile.inc.local";
  write(file, rows[*best]);
  std::cerr << fmt::format("written to {}\n", file.string());
}

int tune(const Context& context, TuneOptions options) {
  const auto settings = context.common.settings();
  if (options.workers.empty())
    options.workers =
        options.simulated ? std::vector<std::string>{"1", "2", "4", "auto"} : std::vector<std::string>{"auto"};
  if (options.prefixes.empty()) options.prefixes = {"1", "2", "4", "8", "auto"};
  const auto workers = wishes(options.workers, "--with-workers");
  const auto prefixes = wishes(options.prefixes, "--with-prefixes");
  std::vector<TuningRow> rows;
  int status = 0;
  if (options.simulated) {
    const Suite suite = read_suite(settings, options.suite);
    for (const Wish& of_prefixes : prefixes)
      for (const Wish& of_workers : workers) rows.push_back(simulated_row(suite.basis, of_workers, of_prefixes));
  } else {
    if (options.suite.run > 0 || options.suite.boot > 0 || options.suite.cores > 0 || !options.suite.memory.empty())
      throw core::InputError("--run, --boot, --cores and --memory are for --simulated: real runs are on this machine");
    load_tests(settings, options.suite.tests, options.suite.format);  // what is wrong with them is told at once
    try {
      Runs runs(context, settings, options.suite);
      for (const Wish& of_prefixes : prefixes)
        for (const Wish& of_workers : workers) rows.push_back(runs.row(of_workers, of_prefixes, options.runs));
    } catch (const Ended& ended) {
      status = ended.exit_status;
      options.write = false;
    }
  }
  tell(settings, options, rows);
  return status;
}

}  // namespace

void add_tune(client::Command& program, Context& context) {
  auto options = std::make_shared<TuneOptions>();
  client::Command verb =
      add_verb(program, context, "tune", "compare numbers of workers and prefixes, and tell which are enough",
               [&context, options] { return tune(context, *options); });
  options->suite.add_to(verb);
  verb.add_option("--with-workers", options->workers,
                  "numbers of workers to try, or auto (default: auto; 1 2 4 auto when simulated)")
      .type_name("N|auto");
  verb.add_option("--with-prefixes", options->prefixes, "numbers of prefixes to try, or auto (default: 1 2 4 8 auto)")
      .type_name("N|auto");
  verb.add_option("--runs", options->runs, "real runs of each combination").within(1U, 1000U);
  verb.add_flag("--simulated", options->simulated, "run nothing: tell it from a past run, as 'plan' does");
  verb.add_flag("--write", options->write,
                "put the numbers that are enough into Makefile.inc.local, beside the settings");
  verb.add_flag("--json", options->json, "one JSON object a combination");
  verb.footer(
      "Of the combinations with the fewest failures, those count that take at most a twentieth longer than the "
      "quickest; of these the one with the fewest prefixes and workers is enough. 'auto' counts as fewer than any "
      "number. The runs are kept as all are: 'kvmtest load' compares them later, and so does the page of 'kvmtest "
      "export html'.");
}

}  // namespace kvmtest::command
