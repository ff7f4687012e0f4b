// kvmtest results: the summary of a run, or what output that is there comes to.

#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/attempt_files.h"
#include "kvmtest/baseline.h"
#include "kvmtest/next_steps.h"
#include "kvmtest/pager.h"
#include "kvmtest/past_runs.h"
#include "kvmtest/rejudge.h"
#include "kvmtest/text_look.h"
#include "kvmtest/verbs.h"
#include "report/summary.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

struct ResultsOptions {
  long run = 0;
  bool json = false;
  std::vector<std::string> tests;
  std::string baseline;
  std::string color = "auto";
  DirectoryOptions of_directory;
};

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
                        {"use", wire::to_json(attempt.use)},
                        {"frozen", core::seconds(attempt.frozen)},
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
    refuse_run(options.run != 0 || !options.baseline.empty());
    return rejudge(settings, {options.tests, options.of_directory, false, options.json});
  }
  options.of_directory.refuse();
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
  verb.add_flag("--update", options->of_directory.update,
                "with DIR: write its .console.txt, .console.diff and result.json anew");
  add_color(verb, options->color);
  options->of_directory.add_to(verb);
}

}  // namespace kvmtest::command
