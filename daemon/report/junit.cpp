#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <pugixml.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "report/points.h"
#include "report/run_report.h"
#include "report/text.h"

namespace kvmtest::report {
namespace {

using core::Duration;
using core::Verdict;

/// What a suite's attributes say.
struct Figures {
  unsigned tests = 0;
  unsigned failures = 0;
  unsigned errors = 0;
  unsigned skipped = 0;
  Duration time{};
};

/// xs:decimal with the three places that the schema allows.
std::string seconds_text(Duration time) { return fmt::format("{:.3f}", core::seconds(time)); }

std::string timestamp(core::WallTime time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(second - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

void set(pugi::xml_node node, const char* name, const std::string& value) {
  node.append_attribute(name).set_value(escaped(value).c_str());
}
void set(pugi::xml_node node, const char* name, unsigned value) { node.append_attribute(name).set_value(value); }

void set(pugi::xml_node node, const Figures& figures) {
  set(node, "tests", figures.tests);
  set(node, "failures", figures.failures);
  set(node, "errors", figures.errors);
}

void text(pugi::xml_node parent, const char* name, const std::string& content) {
  parent.append_child(name).append_child(pugi::node_pcdata).set_value(escaped_lines(content).c_str());
}

/// All that is to be said of an attempt that did not pass.
std::string account(const RunReport& run, const Attempt& attempt, const AttemptText& files) {
  std::string out;
  for (const core::Issue& issue : attempt.issues) out += issue_text(issue) + '\n';
  if (!attempt.output.empty()) out += "output: " + attempt.output + '\n';
  if (const auto found = run.points.find(attempt.id); found != run.points.end()) {
    const std::string points = bad_points_text(found->second);
    if (!points.empty()) out += '\n' + points;
  }
  if (!files.diff.empty()) out += '\n' + files.diff;
  return out;
}

class Writer {
 public:
  Writer(const RunReport& run, const Texts& texts) : run_(run), texts_(texts) {}

  std::string write() {
    pugi::xml_node root = document_.append_child("testsuites");
    std::vector<std::pair<std::string, std::vector<const TestResult*>>> suites;
    for (const TestResult& test : run_.summary.tests) {
      const std::string name = directory(test.name);
      auto found = std::find_if(suites.begin(), suites.end(), [&](const auto& suite) { return suite.first == name; });
      if (found == suites.end()) found = suites.insert(suites.end(), {name, {}});
      found->second.push_back(&test);
    }
    Figures all;
    set(root, "name", "kvmtest");
    for (const auto& [name, tests] : suites) {
      const Figures figures = suite(root, name, tests);
      all.tests += figures.tests;
      all.failures += figures.failures;
      all.errors += figures.errors;
    }
    set(root, all);
    set(root, "time", seconds_text(run_.summary.makespan));
    std::ostringstream out;
    document_.save(out, "  ", pugi::format_indent, pugi::encoding_utf8);
    return out.str();
  }

 private:
  static std::string directory(const std::string& name) {
    const auto slash = name.rfind('/');
    return slash == std::string::npos ? "kvmtest" : name.substr(0, slash);
  }

  Figures suite(pugi::xml_node root, const std::string& name, const std::vector<const TestResult*>& tests) {
    pugi::xml_node node = root.append_child("testsuite");
    set(node, "name", name);
    properties(node.append_child("properties"));
    Figures figures;
    for (const TestResult* test : tests) test_case(node, name, *test, figures);
    set(node, figures);
    set(node, "skipped", figures.skipped);
    set(node, "time", seconds_text(figures.time));
    set(node, "timestamp", timestamp(run_.summary.started));
    return figures;
  }

  void properties(pugi::xml_node parent) {
    const RunSummary& summary = run_.summary;
    std::string prefixes;
    for (const std::string& prefix : summary.prefixes) prefixes += (prefixes.empty() ? "" : " ") + prefix_text(prefix);
    const std::string outcome = summary.outcome ? std::string(to_string(*summary.outcome)) : "under way";
    const std::pair<const char*, std::string> all[] = {{"run", std::to_string(summary.run.value)},
                                                       {"outcome", outcome},
                                                       {"nothing_tested", nothing_tested(summary) ? "true" : "false"},
                                                       {"workers", std::to_string(summary.workers)},
                                                       {"prefixes", prefixes},
                                                       {"accelerator", summary.accelerator},
                                                       {"uri", summary.uri}};
    for (const auto& [name, value] : all) {
      pugi::xml_node node = parent.append_child("property");
      set(node, "name", name);
      set(node, "value", value);
    }
  }

  void test_case(pugi::xml_node parent, const std::string& suite, const TestResult& test, Figures& figures) {
    pugi::xml_node node = parent.append_child("testcase");
    const auto slash = test.name.rfind('/');
    set(node, "name", slash == std::string::npos ? test.name : test.name.substr(slash + 1));
    set(node, "classname", suite);
    Duration time{};
    for (const Attempt& attempt : test.attempts) time += attempt.split.test;
    set(node, "time", seconds_text(time));
    figures.time += time;
    ++figures.tests;
    const Attempt* last = test.attempts.empty() ? nullptr : &test.attempts.back();
    const auto complain = [&](const char* name) { complaint(node.append_child(name), test, last, test.reason); };
    if (test.verdict == Verdict::failed) {
      ++figures.failures;
      complain("failure");
    } else if (test.verdict == Verdict::unresolved) {
      ++figures.errors;
      complain("error");
    } else if (test.verdict != Verdict::passed) {
      ++figures.skipped;
      set(node.append_child("skipped"), "message", why_skipped(test));
    }
    earlier(node, test, last);
    consoles(node, test, last);
  }

  static std::string why_skipped(const TestResult& test) {
    std::string why = test.verdict ? std::string(to_string(*test.verdict)) : "the run ended before it";
    std::string reason = test.reason;
    if (reason.empty() && !test.attempts.empty() && !test.attempts.back().issues.empty())
      reason = issue_text(test.attempts.back().issues.front());
    return reason.empty() ? why : why + ": " + reason;
  }

  void complaint(pugi::xml_node node, const TestResult& test, const Attempt* attempt, const std::string& otherwise) {
    const bool any = attempt != nullptr && !attempt->issues.empty();
    set(node, "message", any ? issue_text(attempt->issues.front()) : otherwise);
    set(node, "type", any ? attempt->issues.front().name : "unknown");
    if (attempt == nullptr) return;
    node.append_child(pugi::node_pcdata)
        .set_value(escaped_lines(account(run_, *attempt, texts_(test, *attempt))).c_str());
  }

  /// The attempts before the last: flaky when the test passed in the end, else reruns.
  void earlier(pugi::xml_node node, const TestResult& test, const Attempt* last) {
    for (const Attempt& attempt : test.attempts) {
      if (&attempt == last || !attempt.verdict || attempt.verdict == Verdict::passed) continue;
      const bool failed = attempt.verdict == Verdict::failed;
      const char* name = test.flaky ? (failed ? "flakyFailure" : "flakyError") : failed ? "rerunFailure" : "rerunError";
      pugi::xml_node child = node.append_child(name);
      set(child, "message", attempt.issues.empty() ? "" : issue_text(attempt.issues.front()));
      set(child, "type", attempt.issues.empty() ? "unknown" : attempt.issues.front().name);
      text(child, "stackTrace", account(run_, attempt, texts_(test, attempt)));
    }
  }

  void consoles(pugi::xml_node node, const TestResult& test, const Attempt* last) {
    if (last == nullptr) return;
    std::string all;
    if (const auto found = run_.points.find(last->id); found != run_.points.end())
      all = "--- points: " + point_counts(found->second) + " ---\n" + points_text(found->second) + '\n';
    const AttemptText files = texts_(test, *last);
    for (const auto& [host, console] : files.consoles) all += "--- " + host + " ---\n" + console + '\n';
    for (const auto& [host, said] : files.kernel) all += "--- " + host + ", kernel ---\n" + said + '\n';
    if (!all.empty()) text(node, "system-out", all);
  }

  const RunReport& run_;
  const Texts& texts_;
  pugi::xml_document document_;
};

}  // namespace

std::string junit_report(const RunReport& run, const Texts& texts) { return Writer(run, texts).write(); }

}  // namespace kvmtest::report
