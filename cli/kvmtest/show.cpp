// kvmtest show: all about one test.

#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "kvmtest/attempt_files.h"
#include "kvmtest/named_test.h"
#include "kvmtest/pager.h"
#include "kvmtest/text_look.h"
#include "kvmtest/verbs.h"
#include "report/test_page.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

constexpr std::size_t shown_console = 64U << 10U;  ///< bytes of a console's end; more lines are rarely wanted

report::AttemptText texts_of(const report::Attempt& attempt) {
  report::AttemptText out;
  if (attempt.output.empty()) return out;
  out.diff = read_diff(attempt.output);
  for (const std::string& host : console_hosts(attempt.output))
    out.consoles.emplace_back(host, last_bytes(attempt.output, console_file(host, false), shown_console));
  for (const std::string& host : kernel_hosts(attempt.output))
    out.kernel.emplace_back(host, last_bytes(attempt.output, kernel_file(host), shown_console));
  return out;
}

struct ShowOptions {
  std::string test;
  long run = 0;
  bool json = false;
  std::size_t lines = 20;
  std::string color = "auto";
};

nlohmann::json to_json(const NamedTest& named) {
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
  const NamedTest found = named_test(context.common.settings(), options.test, options.run);
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

}  // namespace

void add_show(client::Command& program, Context& context) {
  auto options = std::make_shared<ShowOptions>();
  client::Command verb = add_verb(program, context, "show",
                                  "tell all about a test: attempts, times, issues, differences, commands, consoles",
                                  [&context, options] { return show(context, *options); });
  verb.add_option("TEST", options->test, "its name, or the end of it").required();
  verb.add_option("--run", options->run, "the run's number (default: the newest with that test)");
  verb.add_option("--lines", options->lines, "how many of the last lines of each console to print").show_default();
  verb.add_flag("--json", options->json, "as JSON");
  add_color(verb, options->color);
}

}  // namespace kvmtest::command
