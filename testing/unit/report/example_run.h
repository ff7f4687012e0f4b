#pragma once
// A run with something of everything, and with names and output that mean harm.

#include <string>

#include "report/run_report.h"

namespace kvmtest::report {

using namespace std::string_literals;

inline constexpr core::WallTime start{std::chrono::seconds(1'785'412'800)};
/// What would end an element, a script, a string, a line or a terminal's patience, and is no UTF-8.
inline const std::string hostile =
    "</script><script>alert(1)</script>]]>\x1b[2J\"'&# \xff\xfe\x00\r\n\xef\xbf\xbf|\u2028"s;

/// The same for a name, where a slash would end a directory.
inline const std::string hostile_name = "<script>alert(1)<!--]]>\x1b[2J\"'&# \xff\xfe\x00\r\n\xef\xbf\xbf|\u2028"s;

inline Attempt attempt(unsigned id, core::Verdict verdict, unsigned number = 1, bool final = true) {
  Attempt out;
  out.id = core::AttemptId(id);
  out.number = number;
  out.prefix = core::Prefix("a.");
  out.verdict = verdict;
  out.final = final;
  out.started = start + std::chrono::seconds(10 * id);
  out.split = {.waiting = std::chrono::seconds(1),
               .reset = std::chrono::seconds(2),
               .test = std::chrono::seconds(3),
               .judging = std::chrono::milliseconds(5)};
  out.use = {{hostile, std::chrono::seconds(2), std::chrono::milliseconds(300)},
             {"west", std::chrono::seconds(1), std::chrono::milliseconds(150)}};
  out.frozen = std::chrono::milliseconds(500);
  out.output = "/out/" + std::to_string(id);
  if (verdict != core::Verdict::passed) out.issues = {{"east", "TIMEOUT", "line 4: " + hostile}};
  return out;
}

/// A test of each verdict, one flaky, one without an end, all with hostile names.
inline RunReport example() {
  RunReport run;
  run.summary.run = core::RunId(7);
  run.summary.started = start;
  run.summary.prefixes = {"a.", ""};
  run.summary.workers = 2;
  run.summary.outcome = core::record::Outcome::stopped;
  run.summary.exit_status = 130;
  run.summary.makespan = std::chrono::seconds(70);
  unsigned id = 0;
  for (const core::Verdict verdict :
       {core::Verdict::passed, core::Verdict::failed, core::Verdict::unresolved, core::Verdict::unsupported})
    run.summary.tests.push_back({.name = "net/" + std::string(to_string(verdict)) + hostile_name,
                                 .verdict = verdict,
                                 .attempts = {attempt(++id, verdict)}});
  run.summary.tests.push_back(
      {.name = "other/flaky",
       .verdict = core::Verdict::passed,
       .flaky = true,
       .attempts = {attempt(5, core::Verdict::failed, 1, false), attempt(6, core::Verdict::passed, 2)}});
  run.summary.tests.push_back(
      {.name = "other/untested", .verdict = core::Verdict::untested, .reason = hostile, .attempts = {}});
  run.summary.tests.push_back({.name = "alone", .attempts = {}});
  run.resets = {{{core::Prefix("a."), core::Host("east")},
                 "boot",
                 start + std::chrono::seconds(1),
                 std::chrono::seconds(4),
                 std::chrono::seconds(0)},
                {{core::Prefix("a."), core::Host("west")},
                 "boot",
                 start + std::chrono::seconds(2),
                 std::chrono::seconds(4),
                 std::chrono::seconds(0)},
                {{core::Prefix("a."), core::Host("east")},
                 "boot",
                 start + std::chrono::seconds(5),
                 std::chrono::seconds(1),
                 std::chrono::seconds(0),
                 false,
                 hostile},
                {{core::Prefix("a."), core::Host("east")},
                 "load",
                 start + std::chrono::seconds(5),
                 std::chrono::seconds(1),
                 std::chrono::seconds(0)}};
  run.commands[core::AttemptId(2)] = {{"east", hostile, std::chrono::seconds(0), std::chrono::seconds(2), 0},
                                      {"east", "false", std::chrono::seconds(2), std::chrono::seconds(1), 1}};
  run.points[core::AttemptId(2)] = {
      {1, "a # point", "ok", ""},       {1, hostile, "not ok", "", 0, hostile, hostile},
      {1, "part", "timeout", "9 s", 1}, {3, "", "skip", hostile},
      {4, "known", "todo", "soon"},
  };
  run.samples = {{start + std::chrono::seconds(2), {.load = 1.5, .cpu = 0.25, .memory_available = 1U << 30U}}};
  run.load.rows = {{.workers = 1, .prefixes = 2, .runs = 3, .makespan = std::chrono::seconds(100), .failed = 12.5},
                   {.workers = 2, .prefixes = 16, .runs = 1, .makespan = std::chrono::seconds(50), .failed = 0}};
  run.load.rows[1].automatic_workers = run.load.rows[1].automatic_prefixes = true;
  return run;
}

inline const Texts texts = [](const TestResult&, const Attempt& of) {
  AttemptText text;
  if (of.verdict != core::Verdict::passed) text.diff = "-expected\n+" + hostile;
  text.consoles = {{"east", "east# " + hostile}};
  return text;
};

}  // namespace kvmtest::report
