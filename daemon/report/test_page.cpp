#include "report/test_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "report/differences.h"
#include "report/points.h"

namespace kvmtest::report {
namespace {

using core::Verdict;

const char* look_of(std::optional<Verdict> verdict) {
  if (verdict == Verdict::passed) return look::green;
  return verdict == Verdict::failed ? look::red : look::yellow;
}

std::string verdict_text(const Attempt& attempt) {
  if (attempt.verdict) return std::string(to_string(*attempt.verdict));
  return attempt.abandoned ? "interrupted" : "no verdict yet";
}

/// What stands below the last `lines` ends of line, and how many lines do not.
std::pair<std::string_view, std::size_t> last_lines(std::string_view text, std::size_t lines) {
  const auto all = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) +
                   (text.empty() || text.ends_with('\n') ? 0 : 1);
  const std::size_t before = all - std::min(all, lines);
  for (std::size_t i = 0; i < before; ++i) text.remove_prefix(text.find('\n') + 1);
  return {text, before};
}

class Page {
 public:
  Page(const RunReport& run, const Texts& texts, std::size_t console_lines, const Options& options)
      : run_(run), texts_(texts), console_lines_(console_lines), options_(options) {}

  std::string write(const TestResult& test) {
    const std::string verdict = test.verdict ? std::string(to_string(*test.verdict)) : "no verdict yet";
    out_ = painted(options_, escaped(test.name), look::bold) + fmt::format(" in run {}: ", run_.summary.run.value) +
           painted(options_, verdict, look_of(test.verdict)) + (test.flaky ? ", flaky" : "") + '\n';
    if (!test.reason.empty()) paragraph(escaped(test.reason));
    for (const Attempt& each : test.attempts) attempt(test, each);
    return std::move(out_);
  }

 private:
  void attempt(const TestResult& test, const Attempt& attempt) {
    out_ += '\n' + painted(options_, fmt::format("attempt {}", attempt.number), look::bold) +
            fmt::format(" on {}: ", prefix_text(attempt.prefix.value)) +
            painted(options_, verdict_text(attempt), look_of(attempt.verdict)) + '\n';
    times(attempt);
    for (const core::Issue& issue : attempt.issues) {
      const std::string where = issue.host.empty() ? "" : escaped(issue.host) + ": ";
      const std::string detail = issue.detail.empty() ? "" : "  " + escaped(issue.detail);
      paragraph(where + escaped(issue.name) + detail);
    }
    if (!attempt.output.empty()) out_ += "  output: " + escaped(attempt.output) + '\n';
    const AttemptText text = texts_(test, attempt);
    if (!text.diff.empty()) {
      heading("expected, and got");
      out_ += whole_diff(text.diff, options_);
    }
    points(attempt);
    commands(attempt);
    for (const auto& [host, console] : text.consoles) this->console("console", host, console);
    for (const auto& [host, said] : text.kernel) console("kernel", host, said);
  }

  void times(const Attempt& attempt) {
    if (!attempt.verdict) return;
    std::string text = fmt::format("waited {}, reset {}, test {}, judged {}", duration_text(attempt.split.waiting),
                                   duration_text(attempt.split.reset), duration_text(attempt.split.test),
                                   duration_text(attempt.split.judging));
    const auto add = [&](unsigned number, const char* what) {
      if (number > 0) text += fmt::format("; {} {}", number, what);
    };
    add(attempt.resets.boots, "by boot");
    add(attempt.resets.restores, "started from a saved state");
    add(attempt.resets.loads, "back to a saved state");
    paragraph(text);
    if (!attempt.use.empty()) paragraph(escaped(use_text(attempt.use, attempt.frozen)));
  }

  void points(const Attempt& attempt) {
    const auto found = run_.points.find(attempt.id);
    if (found == run_.points.end()) return;
    heading("points: " + point_counts(found->second));
    const ShownPoints shown = shown_points(found->second);
    for (const core::Point* point : shown.points) {
      const char* look = point->result == "ok" ? look::green : is_bad(*point) ? look::red : look::yellow;
      out_ += "  " + painted(options_, point_text(*point), look) + '\n';
      const std::string details = point_details(*point);
      for (std::string_view rest = details; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1))
        out_.append("  ").append(rest.substr(0, rest.find('\n') + 1));
    }
    if (!shown.left_out.empty()) paragraph("and " + shown.left_out);
  }

  void commands(const Attempt& attempt) {
    const auto found = run_.commands.find(attempt.id);
    if (found == run_.commands.end() || found->second.empty()) return;
    heading("commands");
    out_ += painted(options_, fmt::format("{:>14}  {:>14}  {:>4}\n", "after", "took", "exit"), look::faint);
    for (const CommandSpan& command : found->second) {
      const std::string status = command.status == -1 ? "none" : std::to_string(command.status);
      out_ += fmt::format("{:>14}  {:>14}  ", duration_text(command.at), duration_text(command.took)) +
              painted(options_, fmt::format("{:>4}", status), command.status == -1 ? look::yellow : look::plain) +
              fmt::format("  {}# {}\n", escaped(command.host), escaped(command.command));
    }
  }

  void console(const char* what, const std::string& host, const std::string& text) {
    const auto [tail, before] = last_lines(text, console_lines_);
    heading(before == 0 ? fmt::format("{} of {}", what, escaped(host))
                        : fmt::format("{} of {}, without {} lines before", what, escaped(host), before));
    out_ += escaped_lines(tail);
    if (!tail.empty() && !tail.ends_with('\n')) out_ += '\n';
  }

  /// Two columns in, what does not fit four.
  void paragraph(const std::string& text) { out_ += "  " + wrapped(text, options_.width, 4, 2) + '\n'; }

  void heading(const std::string& text) { out_ += '\n' + painted(options_, text, look::bold) + '\n'; }

  const RunReport& run_;
  const Texts& texts_;
  std::size_t console_lines_;
  const Options& options_;
  std::string out_;
};

}  // namespace

std::string test_page(const RunReport& run, const TestResult& test, const Texts& texts, std::size_t console_lines,
                      const Options& options) {
  return Page(run, texts, console_lines, options).write(test);
}

}  // namespace kvmtest::report
