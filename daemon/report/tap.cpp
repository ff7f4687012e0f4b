#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "report/run_report.h"
#include "report/text.h"

namespace kvmtest::report {
namespace {

using core::Verdict;

/// A # begins a directive wherever it stands.
std::string description(const std::string& text) {
  std::string out;
  for (const char c : escaped(text)) {
    if (c == '#' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// A string of JSON is one of YAML.
std::string yaml_string(const std::string& text) { return nlohmann::json(escaped(text)).dump(); }

std::string diagnosis(const TestResult& test) {
  std::string out = "  ---\n";
  if (test.verdict) out += fmt::format("  verdict: {}\n", to_string(*test.verdict));
  if (!test.reason.empty()) out += "  reason: " + yaml_string(test.reason) + "\n";
  if (test.flaky) out += "  flaky: true\n";
  if (!test.attempts.empty()) {
    const Attempt& last = test.attempts.back();
    out += fmt::format("  duration_ms: {}\n", last.split.test.count() / 1000);
    if (test.attempts.size() > 1) out += fmt::format("  attempts: {}\n", test.attempts.size());
    if (!last.issues.empty()) out += "  issues:\n";
    for (const core::Issue& issue : last.issues) out += "    - " + yaml_string(issue_text(issue)) + "\n";
    if (test.verdict != Verdict::passed && !last.output.empty()) out += "  output: " + yaml_string(last.output) + "\n";
  }
  return out + "  ...\n";
}

/// A point's directive, with the words that readers of TAP know; XFAIL and XPASS are TODO to them.
std::string directive(const core::Point& point) {
  const std::string reason = point.reason.empty() ? "" : " " + description(point.reason);
  if (point.result == "skip") return " # SKIP" + reason;
  if (point.result == "todo" || point.result == "xfail" || point.result == "xpass") return " # TODO" + reason;
  if (point.result == "timeout") return " # TIMEOUT" + reason;
  if (point.result == "error") return " # ERROR" + reason;
  if (point.result == "missing") return " # ERROR its subtest came to no point";
  return point.reason.empty() ? "" : ":" + reason;
}

/// Each line of `text` behind `before`.
std::string lines_behind(const std::string& before, std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += before + escaped(text.substr(0, end)) + '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

using Points = std::vector<core::Point>;

/// The points of `level` from `at` on, each behind its own parts, with their plan; `at` is then behind them. A
/// number that came twice, or in another order, would break the plan: they are numbered anew.
std::string subtest(const std::string& name, const Points& points, std::size_t& at, unsigned level) {
  const std::string indent(4 * (std::size_t{level} + 1), ' ');
  std::string out;
  std::size_t number = 0;
  while (at < points.size() && points[at].level >= level) {
    const core::Point& point = points[at++];
    if (at < points.size() && points[at].level > level) out += subtest(point.description, points, at, level + 1);
    const bool good = point.result == "ok" || point.result == "skip" || point.result == "xpass";
    out += fmt::format("{}{} {} - {}{}\n", indent, good ? "ok" : "not ok", ++number, description(point.description),
                       directive(point));
    if (!point.details.empty())
      out += indent + "  ---\n" + lines_behind(indent + "  ", point.details) + indent + "  ...\n";
    out += lines_behind(indent + "# | ", point.notes);
  }
  return fmt::format("{0}# Subtest: {1}\n{0}1..{2}\n", indent, description(name), number) + out;
}

/// What the test told apart itself, as a subtest: indented, which readers of TAP 13 skip and those of 14 understand.
std::string subtest(const RunReport& run, const TestResult& test) {
  if (test.attempts.empty()) return "";
  const auto found = run.points.find(test.attempts.back().id);
  if (found == run.points.end()) return "";
  std::size_t at = 0;
  return subtest(test.name, found->second, at, 0);
}

}  // namespace

std::string tap_report(const RunReport& run) {
  const RunSummary& summary = run.summary;
  std::string out = fmt::format("TAP version 13\n1..{}\n", summary.tests.size());
  std::size_t number = 0;
  for (const TestResult& test : summary.tests) {
    ++number;
    if (!test.verdict) continue;  // missing from the plan: whoever counts sees it
    const bool skipped = test.verdict == Verdict::unsupported;
    const bool good = skipped || test.verdict == Verdict::passed;
    std::string directive;
    if (skipped) {
      directive = " # SKIP unsupported";
      if (!test.attempts.empty() && !test.attempts.back().issues.empty())
        directive += ": " + description(issue_text(test.attempts.back().issues.front()));
    }
    out += subtest(run, test);
    out += fmt::format("{} {} - {}{}\n", good ? "ok" : "not ok", number, description(test.name), directive);
    out += diagnosis(test);
  }
  if (nothing_tested(summary)) out += "# nothing was tested\n";
  if (!summary.outcome) return out + "Bail out! the run is under way\n";
  if (*summary.outcome != core::record::Outcome::completed)
    out += fmt::format("Bail out! the run {}\n", *summary.outcome == core::record::Outcome::stopped
                                                     ? "was stopped"
                                                     : "ended by a fault of the infrastructure");
  return out;
}

}  // namespace kvmtest::report
