// kvmtest list, settings.

#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kvmtest/command.h"
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
  }
  return "run";
}

nlohmann::json to_json(const suite::Test& test) {
  nlohmann::json commands = nlohmann::json::array();
  for (const suite::Step& step : test.steps)
    commands.push_back(
        {{"host", step.host}, {"kind", kind_of(step.kind)}, {"command", step.command}, {"line", step.line}});
  nlohmann::json json{{"name", test.name},   {"title", test.title}, {"file", test.path.string()},
                      {"hosts", test.hosts}, {"tags", test.tags},   {"commands", std::move(commands)}};
  if (test.program) json["program"] = test.program->command;
  return json;
}

}  // namespace

void add_list(CLI::App& app, Context& context) {
  struct Options {
    std::vector<std::string> tests;
    std::string format;
    std::vector<std::string> tags;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(app, context, "list", "list the tests that would run", [&context, options] {
    suite::Selection selection;
    selection.order = suite::Order::listed;
    selection.tags = options->tags;
    const auto tests =
        suite::choose(load_tests(context.common.settings(), options->tests, options->format), selection, {});
    for (const auto& loaded : tests) {
      if (options->json)
        std::cout << wire::dump(to_json(loaded.test)) << '\n';
      else
        std::cout << fmt::format("{:32} {:22} {}\n", loaded.test.name, fmt::join(loaded.test.hosts, " "),
                                 loaded.test.title);
    }
    return 0;
  });
  verb->add_option("TESTS", options->tests, "tests or directories of tests (default: 'tests' of the settings)");
  verb->add_option("--format", options->format, "take the tests to be in this format instead of looking");
  verb->add_option("--tag", options->tags, "only tests that have this tag, or one of several")
      ->type_name("TAG")
      ->allow_extra_args(false);
  verb->add_flag("--json", options->json, "one JSON object a test");
}

void add_settings(CLI::App& app, Context& context) {
  add_verb(app, context, "settings", "print every setting with its value here", [&context] {
    for (const auto& entry : settings::describe(context.common.settings()))
      std::cout << fmt::format("{:28} {}\n", entry.name, entry.value);
    return 0;
  });
}

}  // namespace kvmtest::command
