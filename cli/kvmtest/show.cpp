// kvmtest show, console: one test, and what one of its hosts printed.

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/input_error.h"
#include "kvmtest/attempt_files.h"
#include "kvmtest/command.h"
#include "kvmtest/pager.h"
#include "report/test_page.h"
#include "telemetry/database.h"
#include "telemetry/history.h"
#include "telemetry/queries.h"
#include "telemetry/run_report.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

constexpr std::streamoff console_limit = 64 << 10;  ///< bytes of a console's end; more lines are rarely wanted
constexpr unsigned runs_searched = 100;

/// A test of a run, as the user named it.
struct Named {
  report::RunReport run;
  [[nodiscard]] const report::TestResult& test() const { return run.summary.tests.front(); }
};

/// `run` 0: the newest one with that test. Throws core::InputError.
Named named(const settings::Settings& settings, const std::string& typed, long run) {
  const core::RunId wanted = chosen_run(settings, run);  // says so when there is none
  telemetry::Database database(settings.state_dir.database());
  telemetry::Queries queries(database);
  if (run > 0) {
    std::vector<std::string> names;
    for (const auto& test : queries.results(wanted)) names.push_back(test.name);
    const std::string name = chosen_test(names, typed, fmt::format("run {} has no test", run));
    return {telemetry::test_report(database, wanted, name)};
  }
  std::string name = typed;
  auto latest = queries.latest_run_of(name);
  if (!latest) {
    name = chosen_test(telemetry::History(database).names(runs_searched), typed, "no run had a test");
    latest = queries.latest_run_of(name);
  }
  return {telemetry::test_report(database, latest.value_or(wanted), name)};
}

report::AttemptText texts_of(const report::Attempt& attempt) {
  report::AttemptText out;
  if (attempt.output.empty()) return out;
  out.diff = read_diff(attempt.output);
  for (const std::string& host : console_hosts(attempt.output))
    out.consoles.emplace_back(host, last_bytes(console_file(attempt.output, host, false), console_limit));
  for (const std::string& host : kernel_hosts(attempt.output))
    out.kernel.emplace_back(host, last_bytes(kernel_file(attempt.output, host), console_limit));
  return out;
}

struct ShowOptions {
  std::string test;
  long run = 0;
  bool json = false;
  std::size_t lines = 20;
  std::string color = "auto";
};

nlohmann::json to_json(const Named& named) {
  nlohmann::json out = report::to_json(named.run, named.test());
  out["run"] = named.run.summary.run.value;
  for (std::size_t i = 0; i < named.test().attempts.size(); ++i) {
    auto text = texts_of(named.test().attempts[i]);
    nlohmann::json consoles = nlohmann::json::object();
    for (auto& [host, console] : text.consoles) consoles[host] = std::move(console);
    nlohmann::json kernel = nlohmann::json::object();
    for (auto& [host, said] : text.kernel) kernel[host] = std::move(said);
    out["attempts"][i]["kernel"] = std::move(kernel);
    out["attempts"][i]["diff"] = std::move(text.diff);
    out["attempts"][i]["consoles"] = std::move(consoles);
  }
  return out;
}

int show(const Context& context, const ShowOptions& options) {
  const Named found = named(context.common.settings(), options.test, options.run);
  if (options.json) {
    std::cout << wire::dump(to_json(found)) << '\n';
    return 0;
  }
  const auto texts = [](const report::TestResult&, const report::Attempt& attempt) { return texts_of(attempt); };
  const std::string page =
      report::test_page(found.run, found.test(), texts, options.lines, text_options(options.color));
  const Pager pager;
  std::cout << page;
  return 0;
}

struct ConsoleOptions {
  std::string test;
  std::string host;
  long run = 0;
  unsigned attempt = 0;
  bool raw = false;
};

/// Throws core::InputError.
const report::Attempt& chosen_attempt(const report::TestResult& test, unsigned number) {
  if (test.attempts.empty())
    throw core::InputError(fmt::format("{} was never attempted in that run", report::escaped(test.name)));
  if (number == 0) return *report::decisive(test);
  for (const auto& attempt : test.attempts)
    if (attempt.number == number) return attempt;
  throw core::InputError(
      fmt::format("{} has no attempt {}, only {}", report::escaped(test.name), number, test.attempts.back().number));
}

int console(const Context& context, const ConsoleOptions& options) {
  const Named found = named(context.common.settings(), options.test, options.run);
  const report::Attempt& attempt = chosen_attempt(found.test(), options.attempt);
  const auto hosts = console_hosts(attempt.output);
  if (hosts.empty()) throw core::InputError({attempt.output}, "holds no console (any more)");
  if (std::find(hosts.begin(), hosts.end(), options.host) == hosts.end())
    throw core::InputError(fmt::format("{} has no host '{}'{}: say one of {}", report::escaped(found.test().name),
                                       options.host, core::did_you_mean(options.host, hosts), fmt::join(hosts, ", ")));
  const auto file = console_file(attempt.output, options.host, options.raw);
  std::ifstream in(file, std::ios::binary);
  if (!in) throw core::InputError({file}, "cannot be read");
  const Pager pager;
  for (std::string line; std::getline(in, line);) std::cout << report::escaped_lines(line + '\n');
  return 0;
}

}  // namespace

void add_show(client::Command& program, Context& context) {
  auto options = std::make_shared<ShowOptions>();
  client::Command verb = add_verb(program, context, "show",
                                  "tell all about a test: attempts, times, issues, differences, commands, consoles",
                                  [&context, options] { return show(context, *options); });
  verb.add_option("TEST", options->test, "its name, or the end of it").required();
  verb.add_option("--run", options->run, "the run's number (default: the newest with that test)");
  verb.add_option("--lines", options->lines, "so many lines of each console, its last").show_default();
  verb.add_flag("--json", options->json, "as JSON");
  add_color(verb, options->color);

  auto of_console = std::make_shared<ConsoleOptions>();
  verb = add_verb(program, context, "console", "page through what a host's console printed during a test",
                  [&context, of_console] { return console(context, *of_console); });
  verb.add_option("TEST", of_console->test, "its name, or the end of it").required();
  verb.add_option("HOST", of_console->host, "as the test calls it: east").required();
  verb.add_option("--run", of_console->run, "the run's number (default: the newest with that test)");
  verb.add_option("--attempt", of_console->attempt, "the attempt's number (default: the one that counted)");
  verb.add_flag("--raw", of_console->raw, "every byte as it came, prompts included (default: made clean)");
  verb.footer(
      "In a terminal, through $PAGER, or less. Control characters and bytes that are not UTF-8 are shown as \\x1b.");
}

}  // namespace kvmtest::command
