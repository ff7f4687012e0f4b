// The options of several verbs that choose tests: by regular expressions, and by earlier results.

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>

#include <fmt/format.h>

#include "core/input_error.h"
#include "kvmtest/command.h"
#include "suite/parallel.h"
#include "telemetry/database.h"
#include "telemetry/queries.h"

namespace kvmtest::command {
namespace {

constexpr const char* group = "Choosing tests; RE is a regular expression";

/// By test: its verdict as its suite's own output has it now, else as the last run gave it.
std::vector<core::Verdict> earlier_verdicts(const settings::Settings& settings,
                                            const std::vector<suite::LoadedTest>& tests) {
  std::map<std::string, core::Verdict> last;
  if (const auto path = settings.state_dir / "kvmtest.db"; std::filesystem::exists(path)) {
    telemetry::Database database(path);
    last = telemetry::Queries(database).last_verdicts();
  }
  std::vector<core::Verdict> verdicts(tests.size());
  suite::for_each_in_parallel(tests.size(), [&](std::size_t i) {
    const auto found = last.find(tests[i].test.name);
    const auto known = found == last.end() ? core::Verdict::untested : found->second;
    verdicts[i] = tests[i].own_output ? tests[i].own_output->earlier() : known;
  });
  return verdicts;
}

bool names(const std::vector<std::string>& words, core::Verdict verdict) {
  return std::find(words.begin(), words.end(), core::to_string(verdict)) != words.end();
}

}  // namespace

void add_filter(client::Command& verb, suite::Filter& filter) {
  const auto add = [&](const char* option, std::optional<std::string>& value, const char* what) {
    verb.add_option(option, value, what).type_name("RE").group(group);
  };
  add("--test-kind", filter.kind, "only tests whose kind matches (default: kvmplutotest, where tests have kinds)");
  add("--test-status", filter.status, "only tests whose status matches (default: good, where tests have one)");
  add("--test-name", filter.name, "only tests whose name matches");
  add("--test-platform", filter.platform, "only tests all of whose platforms match");
}

std::string filter_out(const suite::Filter& filter, std::vector<suite::LoadedTest>& tests) {
  const std::size_t all = tests.size();
  return suite::told(suite::ignore_by(filter, tests), all);
}

void add_earlier(client::Command& verb, Earlier& earlier) {
  const std::vector<std::string> verdicts{"passed", "failed", "unresolved", "untested", "unsupported"};
  const auto add = [&](const char* option, std::vector<std::string>& value, const char* what) {
    verb.add_option(option, value, what).type_name("VERDICT").one_of(verdicts).group(group);
  };
  add("--skip", earlier.skip,
      "not the tests that gave this the last time: passed, failed, unresolved, untested or "
      "unsupported; may be given several times");
  add("--result", earlier.result, "only the tests that gave this the last time");
}

bool wanted(const Earlier& earlier, core::Verdict verdict) {
  return !names(earlier.skip, verdict) && (earlier.result.empty() || names(earlier.result, verdict));
}

void tell_left_out(const std::string& told, std::size_t more) {
  if (!told.empty()) std::cerr << told << '\n';
  if (more == 1) std::cerr << "1 more is left out for its earlier result\n";
  if (more > 1) std::cerr << fmt::format("{} more are left out for their earlier results\n", more);
}

std::vector<std::string> left_out(const settings::Settings& settings, const Earlier& earlier,
                                  std::vector<suite::LoadedTest>& tests) {
  std::vector<std::string> out;
  if (earlier.skip.empty() && earlier.result.empty()) return out;
  const auto verdicts = earlier_verdicts(settings, tests);
  std::vector<suite::LoadedTest> left;
  for (std::size_t i = 0; i < tests.size(); ++i) {
    if (wanted(earlier, verdicts[i]))
      left.push_back(std::move(tests[i]));
    else
      out.push_back(tests[i].test.name);
  }
  tests = std::move(left);
  return out;
}

}  // namespace kvmtest::command
