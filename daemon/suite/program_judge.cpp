#include <csignal>
#include <cstring>

#include "suite/program.h"
#include "suite/tap.h"
#include "suite/transcript_line.h"
#include "suite/words.h"

namespace kvmtest::suite {
namespace {

namespace issue = judge::issue;

constexpr std::size_t longest_shown = 200;  // bytes of a line in an issue's detail
constexpr std::size_t points_shown = 100;   // failed points that are issues of their own
constexpr int unsupported_status = 77;      // as for automake's tests

std::string shown(std::string_view text) { return printable(text, longest_shown); }

/// The last line that is not empty; where a program says why it gave up.
std::string_view last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  return text.substr(text.find_last_of('\n') + 1);
}

std::string last_words(const ProgramResult& result) {
  const std::string_view errors = last_line(result.errors);
  return shown(errors.empty() ? last_line(result.output) : errors);
}

core::Point judged(const TapPoint& point) {
  using Directive = TapPoint::Directive;
  const char* result = point.ok ? "ok" : "not ok";
  if (point.directive == Directive::skip) result = "skip";
  if (point.directive == Directive::todo) result = "todo";
  return {point.number, point.description, result, point.reason};
}

class ProgramJudging {
 public:
  explicit ProgramJudging(const ProgramResult& result, const Ending& ending) : result_(result), ending_(ending) {}

  Judgement judge() {
    const bool unsupported = result_.status == unsupported_status && ending_.why == Ending::Why::completed;
    if (ending_.why == Ending::Why::timeout) add(issue::timeout, ending_.detail);
    if (looks_like_tap(result_.output) && !unsupported) judge_tap(parse_tap(result_.output));
    if (ending_.why == Ending::Why::completed) judge_end(unsupported);
    judgement_.verdict = judge::fold(judgement_.issues);
    record();
    return std::move(judgement_);
  }

 private:
  void add(const char* name, std::string detail) { judgement_.issues.push_back({"", name, std::move(detail)}); }

  void judge_tap(const Tap& tap) {
    std::size_t failed = 0;
    for (const TapPoint& point : tap.points) {
      judgement_.points.push_back(judged(point));
      if (!point.failed() || ++failed > points_shown) continue;
      std::string detail = std::to_string(point.number);
      if (!point.description.empty()) detail += " - " + shown(point.description);
      if (!point.diagnostic.empty()) detail += ": " + shown(point.diagnostic);
      add(issue::point_failed, detail);
    }
    if (failed > points_shown)
      judgement_.issues.back().detail += " (and " + std::to_string(failed - points_shown) + " more)";
    if (tap.bailed_out) add(issue::bailed_out, shown(*tap.bailed_out));
    if (tap.skipped) add(issue::unsupported, tap.skipped->empty() ? "nothing was tested" : shown(*tap.skipped));
    // A program that was ended cannot have kept to its plan, and one whose output was cut cannot be seen to.
    if (result_.truncated)
      add(issue::output_truncated, "more output than limits.capture keeps");
    else if (ending_.why == Ending::Why::completed && result_.signal == 0)
      for (const std::string& error : tap.errors) add(issue::tap_invalid, shown(error));
  }

  void judge_end(bool unsupported) {
    if (unsupported) {
      const std::string why = last_words(result_);
      add(issue::unsupported, "exit status 77" + (why.empty() ? "" : ": " + why));
    } else if (result_.signal != 0) {
      const char* name = sigabbrev_np(result_.signal);
      add(issue::signal, name ? "SIG" + std::string(name) : "signal " + std::to_string(result_.signal));
    } else if (!result_.status) {
      add(issue::not_started, shown(ending_.detail));
    } else if (*result_.status != 0) {
      // What its points say already needs no last words.
      const std::string why = judgement_.points.empty() ? last_words(result_) : "";
      add(issue::status_different,
          "exit status " + std::to_string(*result_.status) + ", expected 0" + (why.empty() ? "" : ": " + why));
    }
  }

  void record() {
    judgement_.clean = result_.consoles;
    judgement_.transcript = result_.output;
    if (!result_.errors.empty()) add_section("standard error", result_.errors);
    if (result_.left.empty()) return;
    std::string left;
    for (const std::string& command : result_.left) left += shown(command) + '\n';
    add_section("processes that it left running, and that were ended", left);
  }
  void add_section(const char* title, const std::string& text) {
    std::string& transcript = judgement_.transcript;
    if (!transcript.empty() && !transcript.ends_with('\n')) transcript += '\n';
    transcript += std::string("==== ") + title + '\n' + text;
  }

  const ProgramResult& result_;
  const Ending& ending_;
  Judgement judgement_;
};

}  // namespace

Judgement judge_program(const Test& test, const Execution& execution) {
  const ProgramResult none;
  Judgement judgement = ProgramJudging(execution.program ? *execution.program : none, execution.ending).judge();
  for (const std::string& host : test.hosts) judgement.clean[host];
  return judgement;
}

}  // namespace kvmtest::suite
