// kvmtest list.

#include <iostream>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "client/words.h"
#include "kvmtest/choosing.h"
#include "kvmtest/load_tests.h"
#include "kvmtest/verbs.h"
#include "report/text.h"
#include "wire/record_json.h"

namespace kvmtest::command {
namespace {

const char* kind_of(suite::StepKind kind) {
  switch (kind) {
    case suite::StepKind::run: return "run";
    case suite::StepKind::background: return "background";
    case suite::StepKind::collect: return "collect";
    case suite::StepKind::until: return "until";
    case suite::StepKind::requires_: return "requires";
    case suite::StepKind::reboot: return "reboot";
    case suite::StepKind::comment: return "comment";
  }
  return "run";
}

nlohmann::json to_json(const suite::Test& test) {
  const auto guests = test.values(suite::attribute::guest);
  std::map<std::string, std::string> guest_of;
  for (std::size_t i = 0; i < guests.size(); ++i) guest_of[test.hosts[i]] = guests[i];
  const auto hosts = guests.empty() ? test.hosts : test.values(suite::attribute::guest_host);
  nlohmann::json commands = nlohmann::json::array();
  for (const suite::Step& step : test.steps) {
    if (step.post_mortem) continue;
    nlohmann::json command{{"line", step.command}, {"kind", kind_of(step.kind)}, {"number", step.line}};
    if (!step.host.empty()) command["host"] = step.host;
    if (const auto guest = guest_of.find(step.host); guest != guest_of.end()) command["guest"] = guest->second;
    if (!step.file.empty()) command["file"] = step.file;
    commands.push_back(std::move(command));
  }
  nlohmann::json out{{"name", test.name.string()},
                     {"title", test.title},
                     {"path", test.path.string()},
                     {"kind", test.value(suite::attribute::kind)},
                     {"status", test.value(suite::attribute::status)},
                     {"hosts", hosts},
                     {"guests", guests},
                     {"platforms", test.values(suite::attribute::platform)},
                     {"tags", test.tags},
                     {"commands", std::move(commands)}};
  if (!test.obstacle.empty()) out["obstacle"] = test.obstacle;
  if (test.program) out["program"] = test.program->command;
  return out;
}

void print(const suite::Test& test) {
  const std::string rest = test.obstacle.empty() ? test.title : "cannot run: " + test.obstacle;
  std::cout << report::escaped(
                   fmt::format("{:32} {:22} {}", test.name.string(), fmt::to_string(fmt::join(test.hosts, " ")), rest))
            << '\n';
}

}  // namespace

void add_list(client::Command& program, Context& context) {
  struct Options {
    std::vector<std::string> tests;
    std::string format;
    planning::Choice choice{.ordering = {planning::Order::listed}};
    planning::Earlier earlier;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  client::Command verb = add_verb(program, context, "list", "list the tests that would run", [&context, options] {
    const auto settings = context.common.settings();
    auto wanted = planning::wanted(load_tests(settings, options->tests, options->format), options->choice);
    const auto skipped = leave_out(settings, options->earlier, wanted.tests);
    const auto tests = planning::in_order(std::move(wanted.tests), options->choice, {});
    for (const auto& loaded : tests) {
      if (options->json)
        std::cout << wire::dump(to_json(loaded.test)) << '\n';
      else
        print(loaded.test);
    }
    tell_left_out(wanted.told(), skipped.size());
    return 0;
  });
  verb.add_words("TESTS", options->tests, "tests or directories of tests (default: 'tests' of the settings)");
  verb.add_option("--format", options->format, "the tests' format (default: found out from the files)");
  add_tags(verb, options->choice);
  add_filter(verb, options->choice.filter);
  add_earlier(verb, options->earlier);
  verb.add_flag("--json", options->json, "one JSON object a test");
}

}  // namespace kvmtest::command
