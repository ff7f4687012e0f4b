#include "suite/kernel.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "judge/judgement.h"
#include "judge/kernel.h"
#include "suite/transcript_line.h"

namespace kvmtest::suite {
namespace {

constexpr int warning = 4;  // level
constexpr unsigned told_of_a_kind = 3;
constexpr std::size_t longest_shown = 160;
// A report has at most so many lines before its call trace, and comes at once.
constexpr std::int64_t one_report = 2'000'000;  // microseconds

constexpr std::array<const char*, 8> levels{"emergency", "alert",  "critical", "error",
                                            "warning",   "notice", "info",     "debug"};

void add_issues(std::vector<core::Issue>& issues, const std::string& host, const std::vector<KernelLine>& lines) {
  std::map<std::string_view, std::pair<unsigned, std::size_t>> seen;  // how many, and the last issue
  std::int64_t last = -2 * one_report;
  for (const KernelLine& line : lines) {
    const std::string_view kind = judge::kernel_warning(line.text);
    // kmemleak tells of leaks at level 6 (mm/kmemleak.c).
    if (kind.empty() || (line.level > warning && kind != judge::kmemleak)) continue;
    const bool of_the_last = line.stamp - last < one_report;
    if (kind == judge::call_trace && of_the_last) continue;
    last = line.stamp;
    auto& [count, index] = seen[kind];
    if (++count > told_of_a_kind) continue;
    index = issues.size();
    std::string detail = printable(line.text, longest_shown);
    if (std::string_view(detail).substr(0, kind.size()) != kind) detail = std::string(kind) + ": " + detail;
    issues.push_back({host, judge::issue::kernel_warning, std::move(detail)});
  }
  for (const auto& [kind, found] : seen)
    if (found.first > told_of_a_kind)
      issues[found.second].detail += " (and " + std::to_string(found.first - told_of_a_kind) + " more)";
}

}  // namespace

std::vector<core::Issue> kernel_issues(const Execution& execution) {
  std::vector<core::Issue> issues;
  for (const auto& [host, lines] : execution.kernel) add_issues(issues, host, lines);
  return issues;
}

std::string as_printed(const StepResult& result) {
  // Where the middle is cut, nobody knows where they stood.
  if (result.truncated || result.kernel.empty()) return result.output;
  std::string text;
  std::size_t at = 0;
  for (const KernelMessage& message : result.kernel) {
    const std::size_t offset = std::min<std::size_t>(message.offset, result.output.size());
    text.append(result.output, at, offset - at);
    text += message.bytes;
    at = offset;
  }
  return text.append(result.output, at);
}

std::string kernel_text(const std::vector<KernelLine>& lines) {
  std::string text;
  for (const KernelLine& line : lines) {
    const char* level = line.level >= 0 && line.level < 8 ? levels[static_cast<std::size_t>(line.level)] : "-";
    std::array<char, 80> head;
    if (line.at)
      std::snprintf(head.data(), head.size(), "%+10.3f s ", static_cast<double>(line.at->count()) / 1e6);
    else
      std::snprintf(head.data(), head.size(), "%12s ", "");
    text += head.data();
    std::snprintf(head.data(), head.size(), "[%5lld.%06lld] %-7s  ", static_cast<long long>(line.stamp / 1'000'000),
                  static_cast<long long>(line.stamp % 1'000'000), level);
    text += head.data() + line.text + '\n';
  }
  return text;
}

}  // namespace kvmtest::suite
