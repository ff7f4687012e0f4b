// kvmtest console: what one of a test's hosts printed.

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/input_error.h"
#include "kvmtest/attempt_files.h"
#include "kvmtest/named_test.h"
#include "kvmtest/pager.h"
#include "kvmtest/verbs.h"
#include "report/text.h"

namespace kvmtest::command {
namespace {

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
  const NamedTest found = named_test(context.common.settings(), options.test, options.run);
  const report::Attempt& attempt = chosen_attempt(found.test(), options.attempt);
  const auto hosts = console_hosts(attempt.output);
  if (hosts.empty()) throw core::InputError({attempt.output}, "holds no console (any more)");
  if (std::find(hosts.begin(), hosts.end(), options.host) == hosts.end())
    throw core::InputError(fmt::format("{} has no host '{}'{}: say one of {}", report::escaped(found.test().name),
                                       options.host, core::did_you_mean(options.host, hosts), fmt::join(hosts, ", ")));
  const std::string file = console_file(options.host, options.raw);
  const auto files = files_in(attempt.output);
  if (std::find(files.begin(), files.end(), file) == files.end())
    throw core::InputError({std::filesystem::path(attempt.output) / file}, "cannot be read");
  const Pager pager;
  char last = '\n';
  each_piece(attempt.output, file, [&](std::string_view piece) {
    std::cout << report::escaped_lines(piece);
    last = piece.back();
  });
  if (last != '\n') std::cout << '\n';
  return 0;
}

}  // namespace

void add_console(client::Command& program, Context& context) {
  auto options = std::make_shared<ConsoleOptions>();
  client::Command verb =
      add_verb(program, context, "console", "page through what a host's console printed during a test",
               [&context, options] { return console(context, *options); });
  verb.add_option("TEST", options->test, "its name, or the end of it").required();
  verb.add_option("HOST", options->host, "as the test calls it: east").required();
  verb.add_option("--run", options->run, "the run's number (default: the newest with that test)");
  verb.add_option("--attempt", options->attempt, "the attempt's number (default: the one that counted)");
  verb.add_flag("--raw", options->raw, "every byte as it came, prompts included (default: made clean)");
  verb.footer(
      "In a terminal the text goes through $PAGER, or less. Control characters and bytes that are not UTF-8 are shown "
      "as \\x1b.");
}

}  // namespace kvmtest::command
