// kvmtest run.

#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/words.h"
#include "core/input_error.h"
#include "domains/templates.h"
#include "kvmtest/active_run.h"
#include "kvmtest/baseline.h"
#include "kvmtest/choosing.h"
#include "kvmtest/follow.h"
#include "kvmtest/load_tests.h"
#include "kvmtest/report_file.h"
#include "kvmtest/verbs.h"
#include "planning/request.h"
#include "setup/checks.h"

namespace kvmtest::command {
namespace {

struct RunOptions {
  std::vector<std::string> tests;
  std::string format;
  bool resume = false;
  bool quiet = false;
  bool verbose = false;
  bool detach = false;
  std::vector<std::string> reports;
  std::string baseline;
  ChoiceOptions choice;
  planning::Earlier earlier;
  core::Policy policy;  ///< as far as it has no settings
  // What is not given is as the settings have it, but for the last.
  std::string reset;
  std::optional<bool> keep;
  std::optional<bool> require_some;
  std::optional<unsigned> max_fail;
  std::optional<unsigned> repeat;
};

/// How often each test runs.
void add_repetition(client::Command& verb, const std::shared_ptr<RunOptions>& options) {
  verb.add_option("--repeat", options->repeat, "how often each test is run; it has passed when it passed each time")
      .within(1U, planning::most_repeat);
  verb.add_flag("--until-fail", options->policy.until_fail,
                "repeat each test until it does not pass, or as often as --repeat says");
  verb.add_option("--retries", options->policy.retries,
                  "how often a test that did not pass is tried again; one that passes then is flaky")
      .within(0U, planning::most_retries);
}

/// What a failure means for the run, and what it takes to succeed.
void add_stakes(client::Command& verb, const std::shared_ptr<RunOptions>& options) {
  const auto max_fail =
      verb.add_option("--max-fail", options->max_fail,
                      "begin no more tests when N did not pass: those that run come to their end, the rest is "
                      "untested; 0: no limit (default: max_fail)")
          .type_name("N")
          .within(0U, settings::most_max_fail);
  verb.add_flag(
          "--fail-fast", [options] { options->max_fail = 1; }, "the same as --max-fail 1")
      .excludes(max_fail);
  const auto some = verb.add_flag(
      "--require-some", [options] { options->require_some = true; },
      "exit with 1 when every test was unsupported, so that nothing was tested (default: require_some)");
  verb.add_flag(
          "--no-require-some", [options] { options->require_some = false; },
          "exit with 0 when every test was unsupported")
      .excludes(some);
}

/// What the options ask for. Throws core::InputError.
planning::RunRequest request_of(const settings::Settings& settings, const RunOptions& options) {
  auto request = planning::request_from(settings);
  Paths paths = resolve(settings, options.tests);
  request.tests = std::move(paths.tests);
  request.base = std::move(paths.base);
  request.format = options.format;
  if (!options.reset.empty()) request.reset = settings::parse_reset_method(options.reset, "--reset");
  request.keep = options.keep.value_or(request.keep);
  request.choice = options.choice.read();
  const unsigned max_fail = options.max_fail.value_or(request.policy.max_fail);
  request.policy = options.policy;
  request.policy.max_fail = max_fail;
  request.policy.repeat = options.repeat.value_or(request.policy.until_fail ? 0 : 1);
  request.require_some = options.require_some.value_or(request.require_some);
  planning::check(request.policy);
  return request;
}

/// Everything that can be wrong is found before anything is started. Adds the tests left out for earlier results to the
/// request. False: these were all.
bool check(const settings::Settings& settings, const RunOptions& options, planning::RunRequest& request) {
  const domains::Templates templates(settings.domains.templates, settings.domains.ready);
  settings::check_bridge_names(settings.prefixes, templates.networks());
  templates.check_prefixes(settings.prefixes);
  auto wanted = planning::wanted(load_tests(settings, options.tests, options.format), request.choice);
  if (wanted.tests.empty()) throw core::InputError("no test is left to run; " + wanted.told());
  request.choice.left_out = leave_out(settings, options.earlier, wanted.tests);
  tell_left_out(wanted.told(), request.choice.left_out.size());
  if (wanted.tests.empty()) return false;
  const planning::Past past = read_past(settings, wanted.tests);
  planning::choose(std::move(wanted.tests), request.choice, past);
  setup::check_guest_files(settings, templates);
  setup::check_disk(settings);
  return true;
}

/// What failed tests left, and how to get at it: the last lines that one sees.
void tell_held(const Context& context, client::Client& client) {
  // kvmsh lies beside kvmtest.
  std::string shell = context.program;
  if (const std::string own = "kvmtest"; shell.ends_with(own))
    shell.replace(shell.size() - own.size(), own.size(), "kvmsh");
  shell += context.common.again(false);
  nlohmann::json status;
  try {
    status = client.get("/v1/status");
  } catch (const client::Gone&) {
    return;
  }
  for (const auto& prefix : status.at("prefixes")) {
    if (prefix.at("state") != "held") continue;
    std::string shells;
    std::string names;
    for (const auto& [host, state] : prefix.at("domains").items()) {
      if (state == "off") continue;
      const std::string domain = prefix.at("prefix").get<std::string>() + host;
      shells += fmt::format("  {} {}\n", shell, domain);
      names += " " + domain;
    }
    std::cout << fmt::format(
        "\n{} left its domains as they are, until kvmtest destroy or stop\n{}  kvmtest destroy{}\n",
        prefix.at("test").get<std::string>(), shells, names);
  }
}

int run(const Context& context, const RunOptions& options) {
  const auto settings = context.common.settings();
  ReportFiles reports(settings, options.reports);
  const auto baseline = read_baseline(settings, options.baseline);
  client::Client client(settings);
  std::optional<StopSignals> signals;
  core::RunId id;
  if (options.resume) {
    const auto resumed = resume_run(context, client, signals);
    if (!resumed) throw core::InputError("no run was interrupted here: there is nothing to resume");
    id = *resumed;
  } else {
    auto request = request_of(settings, options);
    if (!check(settings, options, request)) {
      // The results that it leaves out stand: this is not a run in which nothing was tested.
      std::cerr << "no test is left to run\n";
      return 0;
    }
    id = start_run(context, client, request, signals);
  }
  if (options.detach) {
    std::cout << fmt::format("run {} started; '{}' follows it\n", id.value, context.verb("attach"));
    return 0;
  }
  const int status = follow(context, client, settings, id,
                            {options.quiet, options.verbose, OnInterrupt::stop, &reports, baseline}, *signals);
  if (options.policy.keep_failed) tell_held(context, client);
  return status;
}

}  // namespace

void add_run(client::Command& program, Context& context) {
  auto options = std::make_shared<RunOptions>();
  client::Command verb = add_verb(program, context, "run", "run tests, follow them, and end with a summary",
                                  [&context, options] { return run(context, *options); });
  verb.add_words("TESTS", options->tests, "tests or directories of tests (default: 'tests' of the settings)");
  verb.add_option("--format", options->format, "the tests' format (default: found out from the files)");
  options->choice.add_to(verb);
  add_repetition(verb, options);
  verb.add_option("--reset", options->reset,
                  "how domains become clean: snapshot (back to a state saved after login), auto, boot")
      .type_name("METHOD");
  const auto keep = verb.add_flag(
      "--keep", [options] { options->keep = true; }, "saved states are for later runs, too (default: reset.keep)");
  verb.add_flag(
          "--no-keep", [options] { options->keep = false; }, "use no saved state of earlier runs, and leave none")
      .excludes(keep);
  verb.add_flag("--keep-failed", options->policy.keep_failed,
                "leave the domains of a test that did not pass as they are: 'kvmsh' opens a shell there, 'kvmtest "
                "destroy' lets them go");
  add_stakes(verb, options);
  add_filter(verb, options->choice.choice.filter);
  add_earlier(verb, options->earlier);
  verb.add_option("--run-post-mortem", options->choice.choice.post_mortem,
                  "whether libreswan's post-mortem.sh runs after each test (default: with more than one test)")
      .type_name("Y|N")
      .one_of(std::map<std::string, bool>{{"y", true}, {"n", false}});
  verb.add_flag("--resume", options->resume, "go on with the run that the daemon's end interrupted");
  const auto detach =
      verb.add_flag("-d,--detach", options->detach, "start the run and leave; 'kvmtest attach' follows it");
  verb.add_option("--baseline", options->baseline,
                  "compare with this run, directory of results, or JSON file (default: the last completed run)")
      .type_name("RUN|DIR|FILE");
  add_reports(verb, options->reports).excludes(detach);
  add_verbosity(verb, options->quiet, options->verbose);
  verb.footer(
      "In a terminal, kvmtest draws what each prefix is doing. Elsewhere it prints a line for each event. One "
      "control-C stops the run and removes its domains, a second one leaves at once. Results so far stay. When the "
      "terminal is closed the run goes on, and 'kvmtest attach' follows it again.");
}

}  // namespace kvmtest::command
