#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "report/run_report.h"
#include "wire/record_json.h"

namespace kvmtest::report {
namespace {

using nlohmann::json;

json word(const std::optional<core::Verdict>& verdict) {
  return verdict ? json(core::to_string(*verdict)) : json(nullptr);
}

json attempt_json(const RunReport& run, const Attempt& attempt) {
  json commands = json::array();
  if (const auto found = run.commands.find(attempt.id); found != run.commands.end())
    for (const CommandSpan& command : found->second)
      commands.push_back({{"host", command.host},
                          {"command", command.command},
                          {"at", core::seconds(command.at)},
                          {"took", core::seconds(command.took)},
                          {"status", command.status}});
  json points = json::array();
  if (const auto found = run.points.find(attempt.id); found != run.points.end()) points = wire::to_json(found->second);
  return {{"attempt", attempt.id.value},
          {"number", attempt.number},
          {"prefix", attempt.prefix.value},
          {"verdict", word(attempt.verdict)},
          {"final", attempt.final},
          {"abandoned", attempt.abandoned},
          {"started", attempt.started ? json(wire::iso8601(*attempt.started)) : json(nullptr)},
          {"waiting", core::seconds(attempt.split.waiting)},
          {"reset", core::seconds(attempt.split.reset)},
          {"test", core::seconds(attempt.split.test)},
          {"judging", core::seconds(attempt.split.judging)},
          {"use", wire::to_json(attempt.use)},
          {"frozen", core::seconds(attempt.frozen)},
          {"resets",
           {{"boots", attempt.resets.boots},
            {"restores", attempt.resets.restores},
            {"loads", attempt.resets.loads},
            {"fallbacks", attempt.resets.fallbacks}}},
          {"issues", wire::to_json(attempt.issues)},
          {"points", std::move(points)},
          {"commands", std::move(commands)},
          {"output", attempt.output}};
}

json tests_json(const RunReport& run) {
  json tests = json::array();
  for (const TestResult& test : run.summary.tests) tests.push_back(to_json(run, test));
  return tests;
}

json resets_json(const RunReport& run) {
  json resets = json::array();
  for (const ResetSpan& reset : run.resets)
    resets.push_back({{"domain", reset.domain.name()},
                      {"method", reset.method},
                      {"started", wire::iso8601(reset.begin)},
                      {"waited", core::seconds(reset.waited)},
                      {"total", core::seconds(reset.total)},
                      {"ok", reset.ok},
                      {"reason", reset.reason},
                      {"attempt", reset.attempt.value == 0 ? json(nullptr) : json(reset.attempt.value)}});
  return resets;
}

json samples_json(const RunReport& run) {
  json samples = json::array();
  for (const auto& [time, sample] : run.samples) {
    json entry = wire::body_to_json(core::record::Body(sample));
    entry["time"] = wire::iso8601(time);
    samples.push_back(std::move(entry));
  }
  return samples;
}

}  // namespace

json to_json(const RunReport& run, const TestResult& test) {
  json attempts = json::array();
  for (const Attempt& attempt : test.attempts) attempts.push_back(attempt_json(run, attempt));
  return {{"name", test.name},
          {"verdict", word(test.verdict)},
          {"reason", test.reason},
          {"flaky", test.flaky},
          {"attempts", std::move(attempts)}};
}

json to_json(const Counts& counts) {
  return {{"passed", counts.passed},     {"failed", counts.failed},           {"unresolved", counts.unresolved},
          {"untested", counts.untested}, {"unsupported", counts.unsupported}, {"undecided", counts.undecided},
          {"flaky", counts.flaky}};
}

std::string json_report(const RunReport& run) {
  const RunSummary& summary = run.summary;
  const Counts counts = count(summary.tests);
  const json out{{"run", summary.run.value},
                 {"started", wire::iso8601(summary.started)},
                 {"workers", summary.workers},
                 {"prefixes", summary.prefixes},
                 {"uri", summary.uri},
                 {"accelerator", summary.accelerator},
                 {"outcome", summary.outcome ? json(to_string(*summary.outcome)) : json(nullptr)},
                 {"exit_status", summary.exit_status ? json(*summary.exit_status) : json(nullptr)},
                 {"makespan", core::seconds(summary.makespan)},
                 {"makespan_bound", core::seconds(makespan_bound(summary))},
                 {"counts", to_json(counts)},
                 {"nothing_tested", nothing_tested(summary)},
                 {"tests", tests_json(run)},
                 {"resets", resets_json(run)},
                 {"samples", samples_json(run)}};
  return wire::dump(out) + "\n";
}

}  // namespace kvmtest::report
