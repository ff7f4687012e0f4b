// kvmtest slowest: the tests that take longest.

#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "kvmtest/history_verb.h"
#include "kvmtest/text_look.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {
namespace {

using nlohmann::json;

json to_json(const report::Slowest& slowest) {
  json tests = json::array();
  for (const auto& test : slowest.tests)
    tests.push_back({{"name", test.name},
                     {"runs", test.runs},
                     {"median", core::seconds(test.median)},
                     {"least", core::seconds(test.least)},
                     {"most", core::seconds(test.most)},
                     {"earlier", core::seconds(test.earlier)},
                     {"later", core::seconds(test.later)}});
  return {{"runs", range_json(slowest.runs)}, {"tests", std::move(tests)}};
}

int slowest(telemetry::History& history, const HistoryOptions& options) {
  const auto found = history.slowest(options.runs, options.most);
  if (options.json)
    print_json(to_json(found));
  else
    std::cout << report::slowest_text(found, text_options());
  return 0;
}

}  // namespace

void add_slowest(client::Command& program, Context& context) {
  auto options = std::make_shared<HistoryOptions>();
  add_most(add_history_verb(program, context, options, "slowest",
                            "list the tests that take longest, and how that changes", 100, slowest),
           options);
}

}  // namespace kvmtest::command
