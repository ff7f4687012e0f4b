// Which tests run, in what order, and how often: options of several verbs.

#include <filesystem>
#include <random>

#include "kvmtest/command.h"
#include "telemetry/database.h"
#include "telemetry/queries.h"

namespace kvmtest::command {

void SelectionOptions::add_choice_to(client::Command& verb) {
  verb.add_option("--order", order,
                  "listed, reverse, longest (first what took longest before), failed (first what did not pass), "
                  "shuffle[=SEED]; auto: longest once anything is known, else listed")
      .type_name("ORDER");
  verb.add_option("--start-at", start_at,
                  "leave out the tests before this one; as listed, unless --order says otherwise")
      .type_name("TEST");
  verb.add_option("--tag", tags, "only tests that have this tag, or one of several").type_name("TAG");
}

void SelectionOptions::add_repetition_to(client::Command& verb) {
  verb.add_option("--repeat", repeat, "run each test so often; one that did not pass each time has not passed")
      .within(1, 1'000'000);
  verb.add_flag("--until-fail", until_fail, "repeat each test until it does not pass; without --repeat, without end");
  verb.add_option("--retries", retries,
                  "try a test that did not pass up to so often again; one that passes then is told as flaky")
      .within(0, 100);
}

suite::Selection SelectionOptions::selection() const {
  suite::Selection selection;
  std::random_device random;
  // Short enough to be typed.
  suite::parse_order(order, "--order", random() % 1'000'000, selection);
  selection.start_at = start_at;
  selection.tags = tags;
  selection.retries = retries;
  selection.until_fail = until_fail;
  selection.repeat = repeat.value_or(until_fail ? 0 : 1);
  suite::check(selection);
  return selection;
}

suite::Past read_past(const settings::Settings& settings, const std::vector<suite::LoadedTest>& tests) {
  const std::filesystem::path path = settings.state_dir / "kvmtest.db";
  if (!std::filesystem::exists(path)) return {};
  std::vector<std::string> names;
  for (const auto& loaded : tests) names.push_back(loaded.test.name);
  telemetry::Database database(path);
  telemetry::Queries queries(database);
  return {queries.past_durations(names), queries.last_passed(names)};
}

}  // namespace kvmtest::command
