#include "kvmtest/record_lines.h"

#include <variant>

#include <fmt/format.h>

#include "kvmtest/attempt_files.h"
#include "report/differences.h"
#include "report/text.h"
#include "wire/record_json.h"

namespace kvmtest::command {

namespace record = core::record;

namespace {

constexpr std::size_t differences_shown = 6;  ///< lines, of one attempt

const char* look_of(const record::Record& entry) {
  if (const auto* judged = std::get_if<record::AttemptJudged>(&entry.body)) {
    const core::Verdict verdict = judged->test_verdict.value_or(judged->verdict);
    if (verdict == core::Verdict::passed) return report::look::plain;
    return verdict == core::Verdict::failed && judged->final ? report::look::red : report::look::yellow;
  }
  const bool urgent = report::verbosity(entry) == report::Verbosity::quiet;
  return urgent && !std::holds_alternative<record::RunFinished>(entry.body) ? report::look::yellow
                                                                            : report::look::plain;
}

/// "2026-01-31T23:59:59.000001Z" as far as people want it.
std::string stamp_text(core::WallTime time, RecordLines::Stamp stamp) {
  const std::string all = wire::iso8601(time);
  const std::string time_of_day = all.substr(11, 12);
  return stamp == RecordLines::Stamp::time ? time_of_day : all.substr(0, 10) + ' ' + time_of_day;
}

}  // namespace

bool is_decision(const record::Record& entry) {
  const auto* judged = std::get_if<record::AttemptJudged>(&entry.body);
  return (judged != nullptr && judged->final) || std::holds_alternative<record::TestUntested>(entry.body);
}

std::string RecordLines::text(const record::Record& entry) {
  if (const auto* started = std::get_if<record::RunStarted>(&entry.body)) tests_ = started->tests.size();
  if (is_decision(entry)) ++decided_;
  const auto line = report::line(entry);
  if (!line || report::verbosity(entry) > wanted_) return {};
  const std::string text = is_decision(entry) ? fmt::format("[{}/{}] {}", decided_, tests_, *line) : *line;
  const std::string stamp = stamp_text(entry.time, stamp_);
  const std::string lines = wrap_ ? report::wrapped(text, options_.width, 4, stamp.size() + 1) : text;
  std::string out = fmt::format("{} {}\n", stamp, report::painted(options_, lines, look_of(entry)));
  const auto* judged = std::get_if<record::AttemptJudged>(&entry.body);
  if (judged != nullptr && judged->verdict != core::Verdict::passed)
    out += report::first_differences(read_diff(judged->output), differences_shown, 4, options_);
  return out;
}

}  // namespace kvmtest::command
