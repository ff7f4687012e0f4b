// kvmtest results, diffs: what past runs gave.

#include <iostream>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/attempt_files.h"
#include "kvmtest/choosing.h"
#include "kvmtest/command.h"
#include "kvmtest/pager.h"
#include "report/differences.h"
#include "report/summary.h"
#include "suite/libreswan/outputs.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

struct ResultsOptions {
  long run = 0;
  bool json = false;
  bool update = false;
  std::vector<std::string> tests;
  std::string baseline;
  std::string color = "auto";
  suite::Filter filter;
  planning::Earlier earlier;
};

// Either directories with output are meant, or a run of the database.

void refuse_directory_options(const ResultsOptions& options) {
  if (options.filter != suite::Filter{} || !options.earlier.empty() || options.update)
    throw core::InputError("this option is for directories with output; name one");
}

void refuse_run(const ResultsOptions& options) {
  if (options.run != 0 || !options.baseline.empty())
    throw core::InputError("--run and --baseline are for runs of the database, not for directories with output");
}

void add_directory_options(client::Command& verb, ResultsOptions& options) {
  add_filter(verb, options.filter);
  add_earlier(verb, options.earlier);
  verb.footer(
      "With a DIR, nothing is run and no run is looked up: what is in it is judged again, by the expected output, "
      "sanitizers\n"
      "and parameters as they are now. Exit status then: 0, 1 when a test failed, 125 when something is unresolved or\n"
      "nothing was ever run, as 'git bisect run' wants it.");
}

/// Those that `typed` names; all when it names none. Throws core::InputError.
std::set<std::string> wanted_tests(const report::RunSummary& run, const std::vector<std::string>& typed) {
  std::vector<std::string> names;
  for (const auto& test : run.tests) names.push_back(test.name);
  if (typed.empty()) return {names.begin(), names.end()};
  std::set<std::string> wanted;
  for (const std::string& name : typed)
    wanted.insert(chosen_test(names, name, fmt::format("run {} has no test", run.run.value)));
  return wanted;
}

nlohmann::json to_json(const report::TestResult& test) {
  nlohmann::json attempts = nlohmann::json::array();
  for (const auto& attempt : test.attempts) {
    attempts.push_back({{"number", attempt.number},
                        {"prefix", attempt.prefix.value},
                        {"verdict", attempt.verdict ? nlohmann::json(core::to_string(*attempt.verdict)) : nullptr},
                        {"resets",
                         {{"boots", attempt.resets.boots},
                          {"restores", attempt.resets.restores},
                          {"loads", attempt.resets.loads},
                          {"fallbacks", attempt.resets.fallbacks}}},
                        {"waiting", core::seconds(attempt.split.waiting)},
                        {"reset", core::seconds(attempt.split.reset)},
                        {"test", core::seconds(attempt.split.test)},
                        {"judging", core::seconds(attempt.split.judging)},
                        {"issues", wire::to_json(attempt.issues)},
                        {"output", attempt.output}});
  }
  return {{"name", test.name},
          {"verdict", test.verdict ? nlohmann::json(core::to_string(*test.verdict)) : nullptr},
          {"flaky", test.flaky},
          {"attempts", std::move(attempts)}};
}

int results(const Context& context, const ResultsOptions& options) {
  const auto settings = context.common.settings();
  if (!options.tests.empty()) {
    refuse_run(options);
    return rejudge(settings, {options.tests, options.filter, options.earlier, false, options.json, options.update});
  }
  refuse_directory_options(options);
  const auto summary = read_summary(settings, chosen_run(settings, options.run));
  if (!options.json) {
    const report::Options text = text_options(options.color);
    const std::string compared = comparison(settings, summary, read_baseline(settings, options.baseline), text);
    const Pager pager;
    std::cout << report::summary_text(summary, text, read_differences) << compared << next_steps(context, summary);
    return summary.exit_status.value_or(3);
  }
  nlohmann::json tests = nlohmann::json::array();
  for (const auto& test : summary.tests) tests.push_back(to_json(test));
  const auto kind = [](const report::Resets::Kind& of) {
    return nlohmann::json{{"count", of.count}, {"median", core::seconds(of.median)}};
  };
  nlohmann::json out{{"run", summary.run.value},
                     {"started", wire::iso8601(summary.started)},
                     {"workers", summary.workers},
                     {"prefixes", summary.prefixes},
                     {"nothing_tested", report::nothing_tested(summary)},
                     {"makespan", core::seconds(summary.makespan)},
                     {"makespan_bound", core::seconds(report::makespan_bound(summary))},
                     {"resets",
                      {{"boots", kind(summary.resets.boots)},
                       {"restores", kind(summary.resets.restores)},
                       {"loads", kind(summary.resets.loads)},
                       {"swaps", kind(summary.resets.swaps)},
                       {"failed", summary.resets.failed},
                       {"fallbacks", summary.resets.fallbacks}}},
                     {"tests", std::move(tests)}};
  out["exit_status"] = summary.exit_status ? nlohmann::json(*summary.exit_status) : nullptr;
  std::cout << wire::dump(out) << '\n';
  return summary.exit_status.value_or(3);
}

int diffs(const Context& context, const ResultsOptions& options) {
  const auto settings = context.common.settings();
  const report::Options text = text_options(options.color);
  // What a program reads, patch(1) for one, is left as it is.
  const bool for_people = text.color || isatty(STDOUT_FILENO) != 0;
  if (suite::libreswan::names_outputs(options.tests, std::filesystem::current_path())) {
    refuse_run(options);
    return rejudge(settings, {options.tests, options.filter, options.earlier, true, false, false,
                              for_people ? std::optional(text) : std::nullopt});
  }
  refuse_directory_options(options);
  const auto summary = read_summary(settings, chosen_run(settings, options.run));
  const auto wanted = wanted_tests(summary, options.tests);
  bool any = false;
  const Pager pager;
  for (const auto& test : summary.tests) {
    const report::Attempt* attempt = report::decisive(test);
    if (!wanted.contains(test.name) || attempt == nullptr) continue;
    const std::string diff = read_diff(attempt->output);
    any = any || !diff.empty();
    std::cout << (for_people ? report::whole_diff(diff, text) : diff);
  }
  return any ? 1 : 0;
}

}  // namespace

void add_results(client::Command& program, Context& context) {
  auto options = std::make_shared<ResultsOptions>();
  client::Command verb = add_verb(program, context, "results", "print the summary of a run; exits with its status",
                                  [&context, options] { return results(context, *options); });
  verb.add_words("DIR", options->tests, "libreswan checkouts, tests or their output, to be judged again");
  verb.add_option("--run", options->run, "the run's number (default: the newest)");
  verb.add_flag("--json", options->json, "everything, as JSON; one object a test with DIR");
  verb.add_option("--baseline", options->baseline,
                  "compare with this run, directory of results, or JSON file (default: the completed run before)")
      .type_name("RUN|DIR|FILE");
  verb.add_flag("--update", options->update, "with DIR: write its .console.txt, .console.diff and result.json anew");
  add_color(verb, options->color);
  add_directory_options(verb, *options);

  auto of_diffs = std::make_shared<ResultsOptions>();
  verb =
      add_verb(program, context, "diffs", "print a run's differences from what was expected; exits 1 if there are any",
               [&context, of_diffs] { return diffs(context, *of_diffs); });
  verb.add_words("TESTS", of_diffs->tests,
                 "names of tests or their ends (default: all), or libreswan checkouts, tests or their output");
  verb.add_option("--run", of_diffs->run, "the run's number (default: the newest)");
  add_color(verb, of_diffs->color);
  add_directory_options(verb, *of_diffs);
}

}  // namespace kvmtest::command
