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

const char* result_of(const TapPoint& point) {
  if (point.missing) return "missing";
  switch (point.directive) {
    case TapDirective::skip: return "skip";
    case TapDirective::todo: return point.ok ? "xpass" : "todo";
    case TapDirective::xfail: return "xfail";
    case TapDirective::xpass: return point.ok ? "xpass" : "not ok";
    case TapDirective::timeout: return "timeout";
    case TapDirective::error: return "error";
    case TapDirective::none: break;
  }
  return point.ok ? "ok" : "not ok";
}

core::Point judged(const TapPoint& point) {
  return {point.number, point.description, result_of(point), point.reason, point.level, point.details, point.notes};
}

/// "1.2 - two (in alpha.sh): TIMEOUT 45 seconds". `way`: the points from level 0 down to this one.
std::string failure_text(const std::vector<const TapPoint*>& way) {
  const TapPoint& point = *way.back();
  std::string text;
  for (const TapPoint* each : way) text += (text.empty() ? "" : ".") + std::to_string(each->number);
  if (!point.description.empty()) text += " - " + shown(point.description);
  std::string around;
  for (const TapPoint* each : way)
    if (each != &point && !each->description.empty()) around += (around.empty() ? "" : ", ") + shown(each->description);
  if (!around.empty()) text += " (in " + around + ")";
  std::string why = shown(point.reason);
  if (point.directive == TapDirective::timeout) why = "TIMEOUT" + (why.empty() ? "" : " " + why);
  if (point.directive == TapDirective::error) why = "ERROR" + (why.empty() ? "" : " " + why);
  if (why.empty()) why = shown(point.diagnosis());
  return why.empty() ? text : text + ": " + why;
}

/// Whether the test ran nothing: each point was skipped, or is there for points that were.
bool all_skipped(const std::vector<TapPoint>& points) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool has_subtest = i + 1 < points.size() && points[i + 1].level > points[i].level;
    if (!has_subtest && !points[i].excused && points[i].directive != TapDirective::skip) return false;
    if (points[i].directive == TapDirective::todo || points[i].directive == TapDirective::xfail) return false;
  }
  return !points.empty();
}

class ProgramJudging {
 public:
  explicit ProgramJudging(const ProgramResult& result, const Ending& ending) : result_(result), ending_(ending) {}

  Judgement judge() {
    const bool unsupported = result_.status == unsupported_status && ending_.why == Ending::Why::completed;
    if (ending_.why == Ending::Why::timeout) add(issue::timeout, ending_.detail);
    if (looks_like_tap(result_.output)) judge_tap(parse_tap(result_.output), unsupported);
    if (ending_.why == Ending::Why::completed) judge_end(unsupported);
    judgement_.verdict = judge::fold(judgement_.issues);
    record();
    return std::move(judgement_);
  }

 private:
  void add(const char* name, std::string detail) { judgement_.issues.push_back({"", name, std::move(detail)}); }

  void judge_tap(const Tap& tap, bool unsupported) {
    judge_points(tap.points);
    if (tap.bailed_out) add(issue::bailed_out, shown(*tap.bailed_out));
    for (const std::string& each : tap.bailed_out_within) add(issue::bailed_out, shown(each));
    // The status says it, too, and the last words say why.
    if (unsupported) return;
    if (tap.skipped) add(issue::unsupported, tap.skipped->empty() ? "nothing was tested" : shown(*tap.skipped));
    if (all_skipped(tap.points)) {
      const std::string& why = tap.points.front().reason;
      add(issue::unsupported, "every point was skipped" + (why.empty() ? "" : ": " + shown(why)));
    }
    // A program that was ended cannot have kept to its plan, and one whose output was cut cannot be seen to.
    if (result_.truncated)
      add(issue::output_truncated, "more output than limits.capture keeps");
    else if (ending_.why == Ending::Why::completed && result_.signal == 0)
      for (const std::string& error : tap.errors) add(issue::tap_invalid, shown(error));
  }

  /// Of a point and one of its subtest only the latter is an issue, unless both have reasons of their own.
  void judge_points(const std::vector<TapPoint>& points) {
    std::size_t failed = 0;
    std::vector<const TapPoint*> way;
    for (const TapPoint& point : points) {
      judgement_.points.push_back(judged(point));
      way.resize(point.level);
      way.push_back(&point);
      if (!point.failed() || (point.explained && point.directive == TapDirective::none)) continue;
      if (++failed <= points_shown) add(issue::point_failed, failure_text(way));
    }
    if (failed > points_shown)
      judgement_.issues.back().detail += " (and " + std::to_string(failed - points_shown) + " more)";
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

Judgement judge_program(const std::vector<std::string>& hosts, const Execution& execution) {
  const ProgramResult none;
  Judgement judgement = ProgramJudging(execution.program ? *execution.program : none, execution.ending).judge();
  for (const std::string& host : hosts) judgement.clean[host];
  return judgement;
}

}  // namespace kvmtest::suite
