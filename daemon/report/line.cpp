#include "report/line.h"

#include <fmt/format.h>

#include <cstdlib>
#include <variant>

#include "report/points.h"
#include "report/text.h"

namespace kvmtest::report {

using namespace core::record;

namespace {

std::string jobs(unsigned count) { return fmt::format("{} job{}", count, count == 1 ? "" : "s"); }

std::string tests(std::size_t count) { return fmt::format("{} test{}", count, count == 1 ? "" : "s"); }

// What each kind of record says, and to whom. Texts may hold raw bytes of guests; line() makes them safe.

struct Words {
  Verbosity verbosity = Verbosity::normal;
  std::optional<std::string> text;
};

Words words(const Record& record, const RunStarted& run) {
  return {Verbosity::live,
          fmt::format("run {} started: {}, prefixes {}, reset pool of {}, {} ({})", record.run, tests(run.tests.size()),
                      prefixes_text(run.prefixes), run.workers, run.accelerator, run.uri)};
}
Words words(const Record& record, const RunResumed& run) {
  return {Verbosity::live, fmt::format("run {} resumed: {} done before, {} interrupted and started again", record.run,
                                       tests(run.done), run.abandoned)};
}
Words words(const Record&, const ResetQueued& reset) {
  return {Verbosity::verbose,
          fmt::format("{}: queued for {}{}; {} ahead, {} pending, {} submitted, pool of {}", reset.domain.name(),
                      reset.method, reset.test.empty() ? "" : " (" + reset.test + ")", jobs(reset.ahead), reset.pending,
                      reset.submitted, reset.workers)};
}
Words words(const Record&, const ResetStarted& reset) {
  return {Verbosity::verbose, fmt::format("{}: {} started after {} in the queue", reset.domain.name(), reset.method,
                                          duration_text(reset.waited))};
}
Words words(const Record&, const ResetFinished& reset) {
  std::string text = fmt::format("{}: ready after {} (waited {}", reset.domain.name(), duration_text(reset.total),
                                 duration_text(reset.waited));
  const auto add = [&](const char* what, core::Duration took) {
    if (took.count() > 0) text += fmt::format(", {} {}", what, duration_text(took));
  };
  add(reset.method == "restore" ? "start" : "boot", reset.boot);
  add("login", reset.login);
  add("save", reset.save);
  add(reset.method == "swap" ? "swap" : "load", reset.load);
  add("verify", reset.verify);
  text += ')';
  if (reset.note.empty()) return {Verbosity::verbose, text};
  // Whoever wonders why every test waits for a boot is to see it without asking.
  return {Verbosity::live, text + "; " + reset.note};
}
Words words(const Record&, const ResetFailed& reset) {
  return {Verbosity::live,
          fmt::format("{}: {} failed after {}{}: {}{}", reset.domain.name(), reset.method, duration_text(reset.total),
                      reset.host_fault ? " (host fault)" : "", reset.reason,
                      !reset.again             ? ""
                      : reset.method == "boot" ? "; will be tried again"
                      : reset.method == "swap" ? "; will be started in its state instead"
                                               : "; will be booted instead")};
}
Words words(const Record&, const SnapshotsGivenUp& given_up) {
  return {Verbosity::quiet, fmt::format("warning: {}: only booted from now on, for its saved states do not work: {}",
                                        given_up.domain.name(), given_up.reason)};
}
Words words(const Record&, const DomainDestroyed& destroyed) {
  return {Verbosity::verbose,
          fmt::format("{}: shut down in {}", destroyed.domain.name(), duration_text(destroyed.total))};
}
Words words(const Record&, const DomainLost& lost) {
  return {Verbosity::live,
          fmt::format("{}: lost{}: {}", lost.domain.name(), lost.host_fault ? " (host fault)" : "", lost.reason)};
}
Words words(const Record&, const TestStarted& test) {
  return {Verbosity::normal, fmt::format("{}: started on {}{} (domains ready after {})", test.test,
                                         test.prefix.value.empty() ? "the empty prefix" : test.prefix.value,
                                         test.number > 1 ? fmt::format(", attempt {}", test.number) : "",
                                         duration_text(test.ready_after))};
}
Words words(const Record&, const CommandFinished& command) {
  const std::string status = command.status == -1 ? "no exit status" : fmt::format("exit {}", command.status);
  return {Verbosity::verbose, fmt::format("attempt {}, {}# {}: {}, {}, {} bytes", command.attempt.value, command.host,
                                          command.command, status, duration_text(command.took), command.output_bytes)};
}
Words words(const Record&, const PointsJudged& judged) {
  return {Verbosity::verbose, fmt::format("attempt {}: points: {}", judged.attempt.value, point_counts(judged.points))};
}
Words words(const Record&, const AttemptJudged& judged) {
  const Split& split = judged.split;
  std::string text = fmt::format("{}: {} (test {}, reset {}, waiting {}, judging {})", judged.test,
                                 to_string(judged.verdict), duration_text(split.test), duration_text(split.reset),
                                 duration_text(split.waiting), duration_text(split.judging));
  // What would not be seen is not told.
  if (const auto starved = core::record::of_group(judged.use).starved; starved >= std::chrono::milliseconds(10))
    text.insert(text.size() - 1, ", starved " + duration_text(starved));
  if (judged.frozen.count() > 0) text.insert(text.size() - 1, ", frozen " + duration_text(judged.frozen));
  if (judged.final && judged.number > 1) text += fmt::format(" on attempt {}", judged.number);
  if (!judged.issues.empty()) text += ": " + issue_text(judged.issues.front());
  if (judged.issues.size() > 1) text += fmt::format(" (and {} more)", judged.issues.size() - 1);
  if (!judged.final) text += judged.verdict == core::Verdict::passed ? "; will be repeated" : "; will be tried again";
  if (judged.test_verdict) text += fmt::format("; the test: {}", to_string(*judged.test_verdict));
  const bool good = judged.test_verdict.value_or(judged.verdict) == core::Verdict::passed;
  if (judged.final) return {good ? Verbosity::normal : Verbosity::quiet, text};
  return {judged.verdict == core::Verdict::passed ? Verbosity::normal : Verbosity::live, text};
}
Words words(const Record&, const TestUntested& test) {
  return {Verbosity::normal, fmt::format("{}: {}: {}", test.test, to_string(test.verdict), test.reason)};
}
Words words(const Record&, const PrefixQuarantined& quarantined) {
  return {Verbosity::quiet,
          fmt::format("prefix {}: no longer used: {}", prefix_text(quarantined.prefix.value), quarantined.reason)};
}
Words words(const Record&, const StopRequested& stop) {
  return {Verbosity::live, fmt::format("stopping: asked by {}", stop.by)};
}
Words words(const Record&, const Notice& notice) {
  return {notice.warning ? Verbosity::quiet : Verbosity::live, (notice.warning ? "warning: " : "") + notice.text};
}
Words words(const Record&, const Sample&) { return {Verbosity::verbose, std::nullopt}; }
Words words(const Record& record, const RunFinished& run) {
  std::string counts = fmt::format("{} passed", run.passed);
  if (run.flaky > 0) counts += fmt::format(" ({} flaky)", run.flaky);
  const auto add = [&](unsigned count, const char* word) {
    if (count > 0) counts += fmt::format(", {} {}", count, word);
  };
  add(run.failed, "failed");
  add(run.unresolved, "unresolved");
  add(run.untested, "untested");
  add(run.unsupported, "unsupported");
  if (run.outcome == Outcome::completed && run.passed + run.failed + run.unresolved == 0)
    counts += "; nothing was tested";
  const char* how = run.outcome == Outcome::completed ? "completed"
                    : run.outcome == Outcome::stopped ? "was stopped"
                                                      : "ended by a fault of the infrastructure";
  return {Verbosity::quiet, fmt::format("run {} {} after {}: {}; exit status {}", record.run, how,
                                        duration_text(run.makespan), counts, run.exit_status)};
}

Words words_of(const Record& record) {
  return std::visit([&](const auto& body) { return words(record, body); }, record.body);
}

}  // namespace

Verbosity verbosity(const Record& record) { return words_of(record).verbosity; }

std::optional<std::string> line(const Record& record) {
  const Words said = words_of(record);
  if (!said.text) return std::nullopt;
  return escaped(*said.text);
}

}  // namespace kvmtest::report
