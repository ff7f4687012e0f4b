#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "report/points.h"
#include "report/run_page.h"
#include "report/run_report.h"
#include "report/text.h"
#include "report/timeline.h"
#include "wire/record_json.h"

namespace kvmtest::report {
namespace {

using nlohmann::json;

constexpr std::size_t diffs_limit = 3U << 20U;      ///< bytes of all diffs of a page
constexpr std::size_t one_diff_limit = 64U << 10U;  ///< of one

json seconds(core::Duration duration) { return std::round(core::seconds(duration) * 1000) / 1000; }

/// The data of the page: texts are made safe for eyes here, and are only ever set as text there.
class Data {
 public:
  Data(const RunReport& run, const Texts& texts) : run_(run), texts_(texts) {}

  json write() {
    const RunSummary& summary = run_.summary;
    const Counts counts = count(summary.tests);
    json prefixes = json::array();
    for (const std::string& prefix : summary.prefixes) prefixes.push_back(prefix_text(prefix));
    json tests = json::array();
    for (const TestResult& test : summary.tests) tests.push_back(of_test(test));
    return {{"run", summary.run.value},
            {"started", wire::iso8601(summary.started)},
            {"makespan", seconds(summary.makespan)},
            {"workers", summary.workers},
            {"prefixes", std::move(prefixes)},
            {"accelerator", escaped(summary.accelerator)},
            {"uri", escaped(summary.uri)},
            {"outcome", summary.outcome ? json(to_string(*summary.outcome)) : json(nullptr)},
            {"exit_status", summary.exit_status ? json(*summary.exit_status) : json(nullptr)},
            {"counts", to_json(counts)},
            {"nothing_tested", nothing_tested(summary)},
            {"tests", std::move(tests)},
            {"lanes", lanes_json()},
            {"load", load_json()}};
  }

 private:
  json load_json() const {
    json rows = json::array();
    for (const LoadRow& row : run_.load.rows)
      rows.push_back({{"workers", row.automatic_workers ? "auto" : std::to_string(row.workers)},
                      {"prefixes", row.automatic_prefixes ? "auto" : std::to_string(row.prefixes)},
                      {"runs", row.runs},
                      {"makespan", seconds(row.makespan)},
                      {"failed", row.failed},
                      {"timeouts", row.timeouts},
                      {"starved_attempts", row.starved_attempts},
                      {"starved", row.starved ? json(*row.starved) : json(nullptr)}});
    return rows;
  }

  json of_test(const TestResult& test) {
    json attempts = json::array();
    for (const Attempt& attempt : test.attempts) attempts.push_back(of_attempt(test, attempt));
    return {{"name", escaped(test.name)},
            {"verdict", test.verdict ? json(to_string(*test.verdict)) : json("undecided")},
            {"reason", escaped(test.reason)},
            {"flaky", test.flaky},
            {"attempts", std::move(attempts)}};
  }

  json of_attempt(const TestResult& test, const Attempt& attempt) {
    json issues = json::array();
    for (const core::Issue& issue : attempt.issues)
      issues.push_back({escaped(issue.host), escaped(issue.name), escaped(issue.detail)});
    json out{{"number", attempt.number},
             {"prefix", prefix_text(attempt.prefix.value)},
             {"verdict", attempt.abandoned ? json("abandoned")
                         : attempt.verdict ? json(to_string(*attempt.verdict))
                                           : json("undecided")},
             {"waiting", seconds(attempt.split.waiting)},
             {"reset", seconds(attempt.split.reset)},
             {"test", seconds(attempt.split.test)}};
    if (!attempt.use.empty()) out["use"] = escaped(use_text(attempt.use, attempt.frozen));
    if (!issues.empty()) out["issues"] = std::move(issues);
    if (const auto found = run_.points.find(attempt.id); found != run_.points.end())
      out["points"] = {point_counts(found->second), points_text(found->second)};
    AttemptText files = texts_(test, attempt);
    if (!files.diff.empty()) out["diff"] = diff(files.diff);
    for (const auto& [host, console] : files.consoles)
      out["consoles"].push_back({escaped(host), escaped_lines(console)});
    for (const auto& [host, said] : files.kernel)
      out["consoles"].push_back({escaped(host) + ", kernel", escaped_lines(said)});
    return out;
  }

  std::string diff(const std::string& text) {
    std::string safe = escaped_lines(text);
    const std::size_t room = std::min(one_diff_limit, diffs_limit - std::min(diffs_limit, diffs_));
    if (safe.size() > room) {
      safe.resize(safe.rfind('\n', room) == std::string::npos ? 0 : safe.rfind('\n', room) + 1);
      safe += "(cut here: the page would grow too large; 'kvmtest diffs' prints all of it)\n";
    }
    diffs_ += safe.size();
    return safe;
  }

  static core::Duration starved(const Span& span) {
    return span.kind == "test" ? core::record::of_group(span.attempt->use).starved : core::Duration{};
  }
  static core::Duration frozen(const Span& span) {
    return span.kind == "test" ? span.attempt->frozen : core::Duration{};
  }

  json lanes_json() const {
    const Timeline times = timeline(run_);
    json out = json::array();
    for (const auto* lanes : {&times.prefixes, &times.boots, &times.quick})
      for (const Lane& lane : *lanes) {
        json spans = json::array();
        for (const Span& span : lane.spans)
          spans.push_back({escaped(span.name), span.verdict.empty() ? span.kind : span.verdict, seconds(span.begin),
                           seconds(span.length), seconds(starved(span)), seconds(frozen(span))});
        out.push_back({{"name", escaped(lane.name)}, {"spans", std::move(spans)}});
      }
    return out;
  }

  const RunReport& run_;
  const Texts& texts_;
  std::size_t diffs_ = 0;
};

}  // namespace

std::string html_report(const RunReport& run, const Texts& texts) {
  const std::string data = wire::dump(Data(run, texts).write());
  constexpr std::string_view place = "@@DATA@@";
  const std::size_t at = run_page.find(place);
  std::string out(run_page.substr(0, at));
  // Within a script element only < can end it or begin a comment; as an escape of JSON it cannot.
  for (const char c : data) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out + std::string(run_page.substr(at + place.size()));
}

}  // namespace kvmtest::report
