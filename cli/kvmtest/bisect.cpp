// kvmtest bisect: which earlier test breaks this one.

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/choosing.h"
#include "kvmtest/follow.h"
#include "kvmtest/load_tests.h"
#include "kvmtest/past_runs.h"
#include "kvmtest/verbs.h"
#include "planning/bisection.h"
#include "planning/request.h"

namespace kvmtest::command {
namespace {

using Names = std::vector<std::string>;

struct BisectOptions {
  std::string test;
  std::vector<std::string> tests;
  std::vector<std::string> pair;
  std::string format;
  planning::Choice choice;
};

/// Runs tests one after the other on one prefix, and tells of the last one.
class Trials {
 public:
  Trials(const Context& context, const settings::Settings& settings, const Paths& paths, const BisectOptions& options)
      : context_(context), settings_(settings), paths_(paths), options_(options), client_(settings) {}

  /// Whether `test` passes after the others. Throws Ended.
  bool passes_after(const Names& others, const std::string& test) {
    auto request = planning::request_from(settings_);
    request.tests = paths_.tests;
    request.base = paths_.base;
    request.format = options_.format;
    request.prefixes.resize(1);
    request.automatic = {.workers = false, .prefixes = false};
    request.choice = options_.choice;
    request.choice.only = others;
    request.choice.only.push_back(test);
    // The others may fail, or be unsupported, and the last one is to run.
    request.policy.max_fail = 0;
    request.require_some = false;
    const core::RunId run = run_quietly(context_, client_, settings_, request, signals_);
    const auto tests = read_summary(settings_, run).tests;
    const core::Verdict verdict = tests.back().verdict.value_or(core::Verdict::untested);
    std::cout << fmt::format("run {}: {}: {}\n", run.value,
                             others.empty()       ? "alone"
                             : others.size() == 1 ? "after " + others.front()
                                                  : fmt::format("after {} tests", others.size()),
                             core::to_string(verdict))
              << std::flush;
    if (verdict == core::Verdict::unsupported)
      throw core::InputError(fmt::format("{} is unsupported here: there is nothing to break", test));
    return verdict == core::Verdict::passed;
  }

 private:
  const Context& context_;
  const settings::Settings& settings_;
  Paths paths_;
  const BisectOptions& options_;
  client::Client client_;
  std::optional<StopSignals> signals_;
};

int tell(const std::string& test, const Names& culprits) {
  std::cout << fmt::format("{} passes alone, and not after {}{}\n", test, culprits.size() > 1 ? "these together: " : "",
                           fmt::join(culprits, " "));
  return 1;
}

int bisect_among(Trials& trials, const Names& candidates, const std::string& test) {
  if (!trials.passes_after({}, test)) {
    std::cout << test << " does not pass alone: no other test is to blame\n";
    return 1;
  }
  if (candidates.empty() || trials.passes_after(candidates, test)) {
    std::cout << test << " passes after all of them: none breaks it\n";
    return 0;
  }
  return tell(test, planning::bisect(candidates, [&](const Names& some) { return !trials.passes_after(some, test); }));
}

int bisect_pair(Trials& trials, const std::string& first, const std::string& second) {
  if (!trials.passes_after({}, second)) {
    std::cout << second << " does not pass alone: no other test is to blame\n";
    return 1;
  }
  if (!trials.passes_after({first}, second)) return tell(second, {first});
  std::cout << second << " passes after " << first << "\n";
  return 0;
}

/// Those that would run; tests that cannot do not come before others either.
std::vector<suite::LoadedTest> wanted_tests(const settings::Settings& settings, const std::vector<std::string>& paths,
                                            const BisectOptions& options) {
  return planning::wanted(load_tests(settings, paths, options.format), options.choice).tests;
}

std::string the_one(const settings::Settings& settings, const std::string& typed, const BisectOptions& options) {
  const auto tests = wanted_tests(settings, {typed}, options);
  if (tests.size() != 1)
    throw core::InputError(fmt::format("{}: one test is wanted here, and this is {}", typed, tests.size()));
  planning::check_any_can_run(tests);
  return tests.front().test.name;
}

/// The tests that may be to blame: those named; where none are, those of the settings that are listed before the test.
Names candidates_of(const settings::Settings& settings, const BisectOptions& options, const std::string& test) {
  Names out;
  for (const auto& loaded : wanted_tests(settings, options.tests, options))
    if (loaded.test.obstacle.empty()) out.push_back(loaded.test.name);
  const auto self = std::find(out.begin(), out.end(), test);
  if (self == out.end()) return out;
  if (options.tests.empty() && self != out.begin())
    out.erase(self, out.end());
  else
    out.erase(self);
  return out;
}

int bisect(const Context& context, const BisectOptions& options) {
  const auto settings = context.common.settings();
  const auto load_one = [&](const std::string& typed) { return the_one(settings, typed, options); };
  // Everything that may run, as paths: which of it does is said by name.
  std::vector<std::string> typed = options.pair;
  Names candidates;
  std::string test;
  if (!options.pair.empty()) {
    if (!options.test.empty()) throw core::InputError("--pair A B takes no other test");
    candidates = {load_one(options.pair[0])};
    test = load_one(options.pair[1]);
    if (candidates.front() == test) throw core::InputError("--pair: two different tests are wanted");
  } else {
    if (options.test.empty()) throw core::InputError("say which test is broken by another: kvmtest bisect TEST");
    test = load_one(options.test);
    candidates = candidates_of(settings, options, test);
    typed = options.tests;
    if (typed.empty())
      for (const std::string& path : settings.tests) typed.push_back(settings.project / path);
    typed.push_back(options.test);
  }
  std::cout << fmt::format("{} after {}, on prefix '{}'\n", test,
                           candidates.size() == 1 ? candidates.front() : fmt::format("{} tests", candidates.size()),
                           settings.prefixes.front())
            << std::flush;
  Trials trials(context, settings, resolve(settings, typed), options);
  try {
    return options.pair.empty() ? bisect_among(trials, candidates, test)
                                : bisect_pair(trials, candidates.front(), test);
  } catch (const Ended& ended) {
    return ended.exit_status;
  }
}

}  // namespace

void add_bisect(client::Command& program, Context& context) {
  auto options = std::make_shared<BisectOptions>();
  client::Command verb = add_verb(program, context, "bisect", "find which earlier test breaks another one",
                                  [&context, options] { return bisect(context, *options); });
  verb.add_option("TEST", options->test, "the test that passes alone and not after others");
  verb.add_words("TESTS", options->tests,
                 "tests that may be to blame (default: those of the settings that are listed before TEST)");
  verb.add_option("--pair", options->pair, "run B alone, then after A, and no more").expected(2).type_name("A B");
  verb.add_option("--format", options->format, "the tests' format (default: found out from the files)");
  add_filter(verb, options->choice.filter);
  verb.footer(
      "TEST runs on the first prefix, in runs of its own: alone, after all the others, then after half of those that "
      "are left. The exit status is 0 when none breaks it, and 1 when one does or when it does not pass alone.");
}

}  // namespace kvmtest::command
