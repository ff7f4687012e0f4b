#include "kvmtest/choosing.h"

#include <atomic>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <random>

#include <fmt/format.h>

#include "planning/plan.h"
#include "suite/parallel.h"
#include "telemetry/database.h"
#include "telemetry/queries.h"

namespace kvmtest::command {
namespace {

constexpr const char* group = "Choosing tests; RE is a regular expression";

struct EarlierVerdicts {
  std::vector<core::Verdict> of;      ///< by test
  std::atomic<std::size_t> older{0};  ///< tests whose own output cannot be judged without running something
};

/// A test's verdict as its suite's own output has it now, else as the last run gave it.
void find_earlier(const settings::Settings& settings, const std::vector<suite::LoadedTest>& tests,
                  EarlierVerdicts& found) {
  std::map<std::string, core::Verdict> last;
  if (const auto path = settings.state_dir.database(); std::filesystem::exists(path)) {
    telemetry::Database database(path);
    last = telemetry::Queries(database).last_verdicts();
  }
  found.of.resize(tests.size());
  suite::for_each_in_parallel(tests.size(), [&](std::size_t i) {
    const auto known = last.find(tests[i].test.name);
    const auto own = tests[i].own_output ? tests[i].own_output->earlier() : std::nullopt;
    if (tests[i].own_output && !own) ++found.older;
    found.of[i] = own ? *own : known == last.end() ? core::Verdict::untested : known->second;
  });
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

void add_earlier(client::Command& verb, planning::Earlier& earlier) {
  const std::vector<std::string> verdicts{"passed", "failed", "unresolved", "untested", "unsupported"};
  const auto add = [&](const char* option, std::vector<std::string>& value, const char* what) {
    verb.add_option(option, value, what).type_name("VERDICT").one_of(verdicts).group(group);
  };
  add("--skip", earlier.skip,
      "leave out the tests that came to this the last time: passed, failed, unresolved, untested or "
      "unsupported; may be given several times");
  add("--result", earlier.result, "only the tests that came to this the last time");
}

void add_tags(client::Command& verb, planning::Choice& choice) {
  verb.add_option("--tag", choice.tags, "only tests that have this tag, or one of several").type_name("TAG");
}

void ChoiceOptions::add_to(client::Command& verb) {
  verb.add_option("--order", order,
                  "listed, reverse, longest (first what took longest before), failed (first what did not pass), "
                  "shuffle[=SEED]; auto: longest once anything is known, else listed")
      .type_name("ORDER");
  verb.add_option("--start-at", choice.start_at,
                  "leave out the tests before this one; as listed, unless --order says otherwise")
      .type_name("TEST");
  add_tags(verb, choice);
}

planning::Choice ChoiceOptions::read() const {
  planning::Choice out = choice;
  std::random_device random;
  // Short enough to be typed.
  out.ordering = planning::parse_ordering(order, "--order", random() % 1'000'000);
  return out;
}

planning::Past read_past(const settings::Settings& settings, const std::vector<suite::LoadedTest>& tests) {
  const std::filesystem::path path = settings.state_dir.database();
  if (!std::filesystem::exists(path)) return {};
  const auto names = planning::names_of(tests);
  telemetry::Database database(path);
  telemetry::Queries queries(database);
  return {queries.past_durations(names), queries.last_passed(names)};
}

void tell_left_out(const std::string& told, std::size_t more) {
  if (!told.empty()) std::cerr << told << '\n';
  if (more == 1) std::cerr << "1 more is left out for its earlier result\n";
  if (more > 1) std::cerr << fmt::format("{} more are left out for their earlier results\n", more);
}

std::vector<std::string> leave_out(const settings::Settings& settings, const planning::Earlier& earlier,
                                   std::vector<suite::LoadedTest>& tests) {
  if (earlier.empty()) return {};
  EarlierVerdicts found;
  find_earlier(settings, tests, found);
  if (found.older > 0)
    std::cerr << fmt::format(
        "of {} no answer of the sanitizer is stored for the output that is there: what the last run said counts\n",
        found.older == 1 ? "1 test" : fmt::format("{} tests", found.older.load()));
  return planning::leave_out(earlier, found.of, tests);
}

}  // namespace kvmtest::command
