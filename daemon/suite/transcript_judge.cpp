#include <algorithm>

#include "judge/diff.h"
#include "suite/kernel.h"
#include "suite/transcript.h"
#include "suite/transcript_line.h"
#include "suite/transcript_text.h"

namespace kvmtest::suite {

namespace {

namespace issue = judge::issue;

constexpr std::size_t longest_shown = 100;  // bytes of a line or command in an issue's detail
constexpr std::string_view panic_text = "Kernel panic - not syncing";

// The issues of one attempt: of each name one a host, with a count of what else there was.
class Issues {
 public:
  void add(const std::string& host, const std::string& name, const std::string& detail) {
    const auto same = std::find_if(found_.begin(), found_.end(), [&](const Found& found) {
      return found.issue.host == host && found.issue.name == name;
    });
    if (same == found_.end()) {
      found_.push_back({{host, name, detail}, 0});
    } else {
      ++same->more;
    }
  }

  [[nodiscard]] bool has(const std::string& host, const std::string& name) const {
    return std::any_of(found_.begin(), found_.end(),
                       [&](const Found& found) { return found.issue.host == host && found.issue.name == name; });
  }

  [[nodiscard]] std::vector<core::Issue> take() const {
    std::vector<core::Issue> out;
    for (const Found& found : found_) {
      out.push_back(found.issue);
      if (found.more > 0) out.back().detail += " (and " + std::to_string(found.more) + " more)";
    }
    return out;
  }

 private:
  struct Found {
    core::Issue issue;
    unsigned more = 0;
  };
  std::vector<Found> found_;
};

std::string in_quotes(std::string_view text) { return "'" + printable(text, longest_shown) + "'"; }

// "line 12: ip link" of a step; the first line of the command is enough to know it by.
std::string where(const Step& step) {
  std::string what = step.command.substr(0, step.command.find('\n'));
  if (step.kind == StepKind::collect) what = "collect " + step.name;
  if (step.kind == StepKind::reboot) what = what.empty() ? "reboot" : "reboot by " + what;
  return "line " + std::to_string(step.line) + ": " + printable(what, longest_shown);
}

std::string first_difference(const Transcript& transcript, const Step& step, const Expectation& expectation,
                             const judge::Alignment& alignment, std::string_view output) {
  std::size_t at = 0;
  while (at < alignment.pairs.size() && alignment.pairs[at] == std::pair(at, at)) ++at;
  const judge::Lines actual = judge::split_lines(output, at + 1);
  const auto head =
      std::string_view(transcript.text).substr(expectation.head.begin, expectation.head.end - expectation.head.begin);
  const auto line = step.line + static_cast<std::size_t>(std::count(head.begin(), head.end(), '\n')) + at;
  if (at >= expectation.lines.size() && at >= actual.lines.size()) return where(step) + ": output differs";
  if (at >= expectation.lines.size())
    return where(step) + ": more output than expected: " + in_quotes(actual.lines[at]);
  const std::string expected = "line " + std::to_string(line) + ": expected " + in_quotes(expectation.lines[at].text);
  if (at >= actual.lines.size()) return expected + ", but the output ends before it";
  const bool unfinished = actual.rest.empty() && !actual.newline;
  return expected + ", got " + in_quotes(actual.lines[at]) + (unfinished ? " without a newline" : "");
}

std::string status_difference(const Step& step, int status, int expected) {
  return where(step) + ": exit status " + std::to_string(status) + ", expected " + std::to_string(expected);
}

// Adds to `text` what the step looked like, apart from what went before by an empty line.
void append_step(std::string& text, const Transcript& transcript, const StepResult& result, const Ending& ending) {
  const Expectation& expectation = transcript.expectations[result.step];
  if (!text.empty()) text += '\n';
  text +=
      std::string_view(transcript.text).substr(expectation.head.begin, expectation.head.end - expectation.head.begin);
  if (!text.ends_with('\n')) text += '\n';
  text += output_text(result.output, status_line(result.status));
  if (!result.status) {
    text += "\n# no prompt came back" + (ending.detail.empty() ? "" : ": " + printable(ending.detail, 1000)) + "\n";
  }
}

class TranscriptJudging {
 public:
  TranscriptJudging(const Transcript& transcript, const Execution& execution, judge::Effort& effort)
      : transcript_(transcript),
        execution_(execution),
        effort_(effort),
        results_(results_by_step(transcript, execution)) {}

  Judgement judge() {
    std::vector<std::optional<std::string>> bodies(results_.size());
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const Step& step = transcript_.test.steps[i];
      if (results_[i] == nullptr) {
        judge_missing(step);
      } else if (!results_[i]->status) {
        judge_unfinished(step, *results_[i]);
      } else {
        bodies[i] = judge_finished(step, *results_[i]);
      }
    }
    judge_ending();
    Judgement judgement;
    judgement.issues = issues_.take();
    judgement.verdict = judge::fold(judgement.issues);
    if (differs_) {
      judgement.diff =
          judge::unified_diff(transcript_.text, rewritten(transcript_, bodies), transcript_.label, effort_);
    }
    record(judgement);
    return judgement;
  }

 private:
  /// The new expectation, when it is another than the file's.
  std::optional<std::string> judge_finished(const Step& step, const StepResult& result) {
    const Expectation& expectation = transcript_.expectations[result.step];
    if (result.truncated) {
      issues_.add(step.host, issue::output_truncated, where(step) + ": more output than limits.capture keeps");
    }
    if (step.kind == StepKind::requires_ && *result.status != 0) {
      issues_.add(step.host, issue::unsupported, where(step) + ": exit status " + std::to_string(*result.status));
      return std::nullopt;
    }
    if (expectation.status && *expectation.status != *result.status) {
      issues_.add(step.host, issue::status_different, status_difference(step, *result.status, *expectation.status));
    }
    if (!is_compared(step, result)) return std::nullopt;
    const judge::Alignment alignment = judge::compare(expectation.lines, result.output, effort_);
    if (!alignment.equal) {
      issues_.add(step.host, alignment.whitespace_only ? issue::output_whitespace : issue::output_different,
                  first_difference(transcript_, step, expectation, alignment, result.output));
    }
    if (alignment.equal && (!expectation.status || *expectation.status == *result.status)) return std::nullopt;
    differs_ = true;
    const std::size_t more = result.output.size() - alignment.compared;
    if (more == 0) return expectation_text(transcript_, result, result.output, alignment);
    issues_.add(step.host, issue::output_truncated,
                where(step) + ": more than " + std::to_string(judge::Effort::most_surplus) +
                    " lines that are not expected; the last " + std::to_string(more) + " bytes are not compared");
    const std::string compared = result.output.substr(0, alignment.compared) + ">>>>>>>>>> " + std::to_string(more) +
                                 " bytes not compared <<<<<<<<<<\n";
    return expectation_text(transcript_, result, compared, alignment);
  }

  void judge_unfinished(const Step& step, const StepResult& result) {
    // Only where no prompt came back: a test may well print the words of a panic.
    const std::string printed = as_printed(result);
    const std::size_t at = printed.find(panic_text);
    if (at != std::string::npos) {
      const std::string_view rest = std::string_view(printed).substr(at);
      const std::string_view line = rest.substr(0, rest.find_first_of("\r\n"));
      issues_.add(step.host, issue::panic, where(step) + ": " + printable(line, longest_shown));
    }
  }

  void judge_missing(const Step& step) {
    const bool expected = execution_.ending.why == Ending::Why::completed && step.kind != StepKind::background;
    if (expected) issues_.add(step.host, issue::missing, where(step) + ": has no result");
  }

  void judge_ending() {
    const Ending& ending = execution_.ending;
    switch (ending.why) {
      case Ending::Why::completed:
        for (std::size_t i = 0; i < results_.size(); ++i) {
          const Step& step = transcript_.test.steps[i];
          if (results_[i] != nullptr && !results_[i]->status && step.kind != StepKind::background) {
            issues_.add(step.host, issue::missing, where(step) + ": has no exit status");
          }
        }
        break;
      case Ending::Why::unprepared: issues_.add(ending.host, issue::missing, ending.detail); break;
      case Ending::Why::timeout: issues_.add(ending.host, issue::timeout, ending_detail()); break;
      case Ending::Why::console_closed:
        // A guest that panics may well take its console along; that is no second reason.
        if (!issues_.has(ending.host, issue::panic)) issues_.add(ending.host, issue::eof, ending_detail());
        break;
      case Ending::Why::restarted:
        issues_.add(ending.host, issue::eof,
                    ending_detail() + "; a command that is to do so is marked: " + ending.host + "(reboot)#");
        break;
      case Ending::Why::shell_ended: issues_.add(ending.host, issue::shell_ended, ending_detail()); break;
      case Ending::Why::not_back:
        if (!issues_.has(ending.host, issue::panic)) issues_.add(ending.host, issue::not_rebooted, ending_detail());
        break;
      case Ending::Why::unsupported:
        if (!issues_.has(ending.host, issue::unsupported)) issues_.add(ending.host, issue::unsupported, ending.detail);
        break;
    }
  }

  /// Names the step it happened in, where it is known.
  [[nodiscard]] std::string ending_detail() const {
    const Ending& ending = execution_.ending;
    for (std::size_t i = results_.size(); i-- > 0;) {
      const Step& step = transcript_.test.steps[i];
      if (results_[i] == nullptr || results_[i]->status || step.host != ending.host) continue;
      return where(step) + (ending.detail.empty() ? "" : ": " + ending.detail);
    }
    return ending.detail;
  }

  void record(Judgement& judgement) const {
    judgement.transcript = transcript_.text.substr(0, transcript_.header_end);
    for (const std::string& host : transcript_.test.hosts) judgement.clean[host];
    for (const StepResult& result : execution_.results) {
      if (result.step >= results_.size()) continue;
      append_step(judgement.transcript, transcript_, result, execution_.ending);
      append_step(judgement.clean[transcript_.test.steps[result.step].host], transcript_, result, execution_.ending);
    }
  }

  const Transcript& transcript_;
  const Execution& execution_;
  judge::Effort& effort_;
  std::vector<const StepResult*> results_;
  Issues issues_;
  bool differs_ = false;
};

}  // namespace

Judgement judge_transcript(const Transcript& transcript, const Execution& execution, judge::Effort& effort) {
  return TranscriptJudging(transcript, execution, effort).judge();
}

}  // namespace kvmtest::suite
