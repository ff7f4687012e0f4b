// kvmtest diffs: a run's differences from what was expected, or those of output that is there.

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "client/plain_output.h"
#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/attempt_files.h"
#include "kvmtest/pager.h"
#include "kvmtest/past_runs.h"
#include "kvmtest/rejudge.h"
#include "kvmtest/text_look.h"
#include "kvmtest/verbs.h"
#include "report/differences.h"
#include "report/run_summary.h"
#include "suite/libreswan/outputs.h"

namespace kvmtest::command {
namespace {

struct DiffsOptions {
  long run = 0;
  std::vector<std::string> tests;
  std::string color = "auto";
  DirectoryOptions of_directory;
};

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

int diffs(const Context& context, const DiffsOptions& options) {
  const auto settings = context.common.settings();
  const report::Options text = text_options(options.color);
  // What a program reads, patch(1) for one, is left as it is.
  const bool for_people = text.color || isatty(STDOUT_FILENO) != 0;
  if (suite::libreswan::names_outputs(options.tests, std::filesystem::current_path())) {
    refuse_run(options.run != 0);
    return rejudge(settings,
                   {options.tests, options.of_directory, true, false, for_people ? std::optional(text) : std::nullopt});
  }
  options.of_directory.refuse();
  const auto summary = read_summary(settings, chosen_run(settings, options.run));
  const auto wanted = wanted_tests(summary, options.tests);
  bool any = false;
  const Pager pager;
  for (const auto& test : summary.tests) {
    const report::Attempt* attempt = report::decisive(test);
    if (!wanted.contains(test.name) || attempt == nullptr) continue;
    const std::string diff = read_diff(attempt->output);
    any = any || !diff.empty();
    if (for_people)
      std::cout << report::whole_diff(diff, text);
    else
      client::raw_output() << diff << std::flush;
  }
  return any ? 1 : 0;
}

}  // namespace

void add_diffs(client::Command& program, Context& context) {
  auto options = std::make_shared<DiffsOptions>();
  client::Command verb =
      add_verb(program, context, "diffs", "print a run's differences from what was expected; exits 1 if there are any",
               [&context, options] { return diffs(context, *options); });
  verb.add_words("TESTS", options->tests,
                 "names of tests or their ends (default: all), or libreswan checkouts, tests or their output");
  verb.add_option("--run", options->run, "the run's number (default: the newest)");
  add_color(verb, options->color);
  options->of_directory.add_to(verb);
}

}  // namespace kvmtest::command
