#include "report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "report/differences.h"
#include "report/text.h"

namespace kvmtest::report {
namespace {

using core::Duration;
using core::Verdict;
using core::record::Outcome;
using core::record::Split;

constexpr std::size_t slowest_shown = 5;
constexpr std::size_t lines_of_one_attempt = 6;  ///< that differ
constexpr std::size_t lines_of_all = 60;

std::string counted(std::size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// ", 3 of 10 attempts passed" of a test that was tried more than once; else empty.
std::string attempts_passed(const TestResult& test) {
  const auto judged = std::count_if(test.attempts.begin(), test.attempts.end(),
                                    [](const Attempt& attempt) { return attempt.verdict.has_value(); });
  const auto passed = std::count_if(test.attempts.begin(), test.attempts.end(),
                                    [](const Attempt& attempt) { return attempt.verdict == Verdict::passed; });
  return judged > 1 ? fmt::format(", {} of {} attempts passed", passed, judged) : "";
}

std::string meaning(const RunSummary& run) {
  if (nothing_tested(run)) return "nothing was tested";
  switch (run.exit_status.value_or(0)) {
    case 0: return "every test passed";
    case 1: return "not every test passed";
    case 2: return "the input was wrong";
    case 3: return "the infrastructure failed, not the tests";
    case 130: return "the run was stopped";
    default: return "unknown";
  }
}

/// Builds the text section by section; an empty section is left out.
class Summary {
 public:
  Summary(const RunSummary& run, const Options& options, const Differences& differences)
      : run_(run), options_(options), differences_(differences) {}

  std::string text() {
    title();
    counts();
    with_verdict("failed", Verdict::failed, look::red);
    with_verdict("unresolved", Verdict::unresolved, look::yellow);
    with_verdict("unsupported", Verdict::unsupported, look::yellow);
    untested();
    flaky();
    kernel_warnings();
    slowest();
    time_spent();
    domains();
    exit_status();
    return std::move(out_);
  }

 private:
  std::string painted(const std::string& text, const char* how) const { return report::painted(options_, text, how); }

  void heading(const std::string& text, const char* color = look::bold) { out_ += '\n' + painted(text, color) + '\n'; }

  /// A line `indent` in; what does not fit goes on four columns further in.
  void paragraph(std::size_t indent, const std::string& text) {
    out_ += std::string(indent, ' ') + wrapped(text, options_.width, indent + 4, indent) + '\n';
  }

  void title() {
    const char* state = !run_.outcome                              ? ", not finished"
                        : *run_.outcome == Outcome::stopped        ? ", stopped"
                        : *run_.outcome == Outcome::infrastructure ? ", ended by a fault of the infrastructure"
                                                                   : "";
    const std::string name = fmt::format("run {}", run_.run.value);
    const std::string rest = fmt::format(": {} on {} in {}{}", counted(run_.tests.size(), "test"),
                                         prefixes_text(run_.prefixes), duration_text(run_.makespan), state);
    out_ += painted(name, look::bold) + wrapped(rest, options_.width, 4, name.size()) + '\n';
    out_ += fmt::format("  {}, {}, {}\n", counted(run_.workers, "reset worker"), escaped(run_.accelerator),
                        escaped(run_.uri));
  }

  void counts() {
    const Counts counts = count(run_.tests);
    out_ += '\n';
    const auto row = [&](const char* word, unsigned number, const char* color, const std::string& note = "") {
      if (number == 0) return;
      out_ += "  " + painted(fmt::format("{:<15}{:>5}", word, number), color) + note + '\n';
    };
    row("passed", counts.passed, look::green, counts.flaky > 0 ? fmt::format("  ({} flaky)", counts.flaky) : "");
    row("failed", counts.failed, look::red);
    row("unresolved", counts.unresolved, look::yellow);
    row("unsupported", counts.unsupported, look::yellow);
    row("untested", counts.untested, look::yellow);
    row("no verdict yet", counts.undecided, look::yellow);
  }

  void issues(const Attempt& attempt, std::size_t indent) {
    for (const core::Issue& issue : attempt.issues) {
      std::string text = issue.host.empty() ? "" : escaped(issue.host) + ": ";
      text += escaped(issue.name);
      if (!issue.detail.empty()) text += "  " + escaped(issue.detail);
      paragraph(indent, text);
    }
    differences(attempt, indent + 2);
    // Paths stay on one line whatever the width: they are there to be copied.
    if (!attempt.output.empty()) out_ += std::string(indent, ' ') + "output: " + escaped(attempt.output) + '\n';
  }

  void differences(const Attempt& attempt, std::size_t indent) {
    if (!differences_ || lines_shown_ >= lines_of_all) return;
    const std::string text = first_differences(differences_(attempt), lines_of_one_attempt, indent, options_);
    lines_shown_ += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    out_ += text;
  }

  void with_verdict(const char* word, Verdict verdict, const char* color) {
    bool first = true;
    for (const TestResult& test : run_.tests) {
      if (test.verdict != verdict) continue;
      if (std::exchange(first, false)) heading(word, color);
      const Attempt* attempt = decisive(test);
      std::string where;
      if (attempt != nullptr) {
        where =
            fmt::format("  (on {}{}{})", prefix_text(attempt->prefix.value),
                        attempt->number > 1 ? fmt::format(", attempt {}", attempt->number) : "", attempts_passed(test));
      }
      out_ += "  " + escaped(test.name) + where + '\n';
      if (attempt != nullptr) issues(*attempt, 4);
    }
  }

  /// By reason: a stopped run leaves hundreds that share one.
  void untested() {
    std::vector<std::pair<std::string, std::vector<const TestResult*>>> reasons;
    for (const TestResult& test : run_.tests) {
      if (test.verdict != Verdict::untested) continue;
      const Attempt* attempt = decisive(test);
      std::string reason = test.reason;
      if (reason.empty() && attempt != nullptr && !attempt->issues.empty()) {
        const core::Issue& issue = attempt->issues.front();
        reason = issue.name + (issue.detail.empty() ? "" : ": " + issue.detail);
      }
      if (reason.empty()) reason = "no reason recorded";
      auto found =
          std::find_if(reasons.begin(), reasons.end(), [&](const auto& entry) { return entry.first == reason; });
      if (found == reasons.end()) found = reasons.insert(reasons.end(), {reason, {}});
      found->second.push_back(&test);
    }
    if (!reasons.empty()) heading("untested", look::yellow);
    for (const auto& [reason, tests] : reasons) {
      paragraph(2, fmt::format("{} ({})", escaped(reason), counted(tests.size(), "test")));
      std::string names;
      for (const TestResult* test : tests) names += escaped(test->name) + ' ';
      out_ += "    " + wrapped(names, options_.width, 4, 4) + '\n';
    }
  }

  void flaky() {
    bool first = true;
    for (const TestResult& test : run_.tests) {
      if (!test.flaky) continue;
      if (std::exchange(first, false)) heading("flaky: passed, but not at once", look::yellow);
      out_ += "  " + escaped(test.name) + '\n';
      for (const Attempt& attempt : test.attempts) {
        if (!attempt.verdict) continue;
        out_ += fmt::format("    attempt {} on {}: {}\n", attempt.number, prefix_text(attempt.prefix.value),
                            core::to_string(*attempt.verdict));
        if (*attempt.verdict != Verdict::passed) issues(attempt, 6);
      }
    }
  }

  /// Of tests that passed all the same; with the others it stands among their issues.
  void kernel_warnings() {
    bool first = true;
    for (const TestResult& test : run_.tests) {
      const Attempt* attempt = decisive(test);
      if (test.verdict != Verdict::passed || attempt == nullptr || attempt->issues.empty()) continue;
      if (std::exchange(first, false)) heading("passed, with warnings of kernels", look::yellow);
      out_ += "  " + escaped(test.name) + '\n';
      issues(*attempt, 4);
    }
  }

  void slowest() {
    std::vector<std::pair<Duration, const TestResult*>> times;
    for (const TestResult& test : run_.tests) {
      const Attempt* attempt = decisive(test);
      if (attempt != nullptr && attempt->own_time().count() > 0) times.emplace_back(attempt->own_time(), &test);
    }
    if (times.empty()) return;
    std::stable_sort(times.begin(), times.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    heading("slowest tests, without reset");
    for (std::size_t i = 0; i < std::min(slowest_shown, times.size()); ++i) {
      out_ += fmt::format("  {:>14}  {}\n", duration_text(times[i].first), escaped(times[i].second->name));
    }
  }

  /// A line: what the part took, and its share of `all`; `behind` follows that.
  void share(const char* name, Duration part, Duration all, const char* behind = "") {
    const auto percent = std::lround(100.0 * core::seconds(part) / core::seconds(all));
    out_ += fmt::format("  {:<20}{:>14}  {:>3} %{}\n", name, duration_text(part), percent, behind);
  }

  void time_spent() {
    Split sum;
    for (const TestResult& test : run_.tests) {
      for (const Attempt& attempt : test.attempts) {
        sum.waiting += attempt.split.waiting;
        sum.reset += attempt.split.reset;
        sum.test += attempt.split.test;
        sum.judging += attempt.split.judging;
      }
    }
    const Duration total = sum.waiting + sum.reset + sum.test + sum.judging;
    if (total.count() <= 0) return;
    heading("where the time of the attempts went");
    share("waiting for a slot", sum.waiting, total);
    share("reset", sum.reset, total);
    share("test", sum.test, total);
    share("judging", sum.judging, total);
    processors();
    const Duration bound = makespan_bound(run_);
    if (bound.count() > 0 && run_.outcome == core::record::Outcome::completed)
      out_ +=
          fmt::format("  {:<20}{:>14.2f}\n", "makespan / bound", core::seconds(run_.makespan) / core::seconds(bound));
  }

  /// What the attempts had of the machine's processors; the share is of the time of tests.
  void processors() {
    core::record::HostUse sum;
    Duration measured{};
    Duration frozen{};
    for (const TestResult& test : run_.tests)
      for (const Attempt& attempt : test.attempts) {
        if (attempt.use.empty()) continue;
        const auto group = core::record::of_group(attempt.use);
        sum.used += group.used;
        sum.starved += group.starved;
        measured += attempt.split.test;
        frozen += attempt.frozen;
      }
    if (measured.count() <= 0) return;
    share("processors: used", sum.used, measured, " of the tests' time");
    share("processors: starved", sum.starved, measured, " of the tests' time");
    if (frozen.count() > 0) share("stood still", frozen, measured, " of the tests' time");
  }

  void domains() {
    const Resets& resets = run_.resets;
    const HostFaults& faults = run_.host_faults;
    heading("domains");
    std::string text = "resets:";
    const auto kind = [&](const Resets::Kind& of, const char* what) {
      if (of.count == 0) return;
      text +=
          fmt::format("{} {} {} (median {})", text.ends_with(':') ? "" : ",", of.count, what, duration_text(of.median));
    };
    kind(resets.boots, "by boot");
    kind(resets.restores, "started from a saved state");
    kind(resets.loads, "back to a saved state");
    kind(resets.swaps, "by a spare that was back already");
    text += fmt::format("{} {} failed", text.ends_with(':') ? "" : ",", resets.failed);
    if (resets.fallbacks > 0) text += fmt::format(", {} of them fell back to a boot", resets.fallbacks);
    paragraph(2, text);
    for (const GivenUp& given_up : run_.snapshots_given_up)
      paragraph(
          2, fmt::format("{} was only booted after a while: {}", escaped(given_up.domain), escaped(given_up.reason)));
    for (const NotSaved& not_saved : run_.not_saved)
      paragraph(2, fmt::format("{}: {} (after {})", escaped(not_saved.domain), escaped(not_saved.reason),
                               counted(not_saved.boots, "boot")));
    std::string seen;
    const auto add = [&](unsigned number, const char* noun, const char* tail) {
      if (number > 0) seen += (seen.empty() ? "" : ", ") + counted(number, noun) + tail;
    };
    add(faults.attempts, "attempt", "");
    add(faults.starved, "attempt", " that did not pass for want of processors (STARVED)");
    add(faults.resets, "reset", "");
    add(faults.domains, "domain", " lost");
    paragraph(2, "host faults: " + (seen.empty() ? "none" : seen));
    for (const Quarantine& quarantine : run_.quarantined) {
      paragraph(2, fmt::format("prefix {} was given up: {}", prefix_text(quarantine.prefix.value),
                               escaped(quarantine.reason)));
    }
  }

  void exit_status() {
    if (!run_.exit_status) return;
    if (*run_.exit_status == 0) {
      if (nothing_tested(run_))
        heading("nothing was tested: no test came to a result of its own (--require-some makes that a failure)",
                look::yellow);
      return;
    }
    heading(fmt::format("exit status {}: {}", *run_.exit_status, meaning(run_)), look::red);
  }

  const RunSummary& run_;
  const Options& options_;
  const Differences& differences_;
  std::size_t lines_shown_ = 0;  ///< of those that differ
  std::string out_;
};

}  // namespace

std::string summary_text(const RunSummary& run, const Options& options, const Differences& differences) {
  return Summary(run, options, differences).text();
}

}  // namespace kvmtest::report
