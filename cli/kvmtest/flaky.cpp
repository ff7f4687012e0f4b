// kvmtest flaky: the tests whose verdict changes while nothing else does.

#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "kvmtest/history_verb.h"
#include "kvmtest/text_look.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {
namespace {

using nlohmann::json;

json to_json(const report::Flaky& flaky) {
  json tests = json::array();
  for (const auto& test : flaky.tests)
    tests.push_back({{"name", test.name},
                     {"runs", test.runs},
                     {"passed", test.passed},
                     {"compared", test.compared},
                     {"changed", test.changed},
                     {"retried", test.retried},
                     {"verdicts", test.verdicts}});
  return {{"runs", range_json(flaky.runs)}, {"tests", std::move(tests)}};
}

int flaky(telemetry::History& history, const HistoryOptions& options) {
  const auto found = history.flaky(options.runs, options.most);
  if (options.json)
    print_json(to_json(found));
  else
    std::cout << report::flaky_text(found, text_options());
  return 0;
}

}  // namespace

void add_flaky(client::Command& program, Context& context) {
  auto options = std::make_shared<HistoryOptions>();
  add_most(add_history_verb(program, context, options, "flaky",
                            "list the tests whose verdict changes while nothing else does", 100, flaky),
           options);
}

}  // namespace kvmtest::command
