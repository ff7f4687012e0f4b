#include "console/kernel_log.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <sstream>

#include <fmt/format.h>

namespace kvmtest::console {
namespace {

// Of a log that dmesg prints, the end: all of it takes seconds at an emulated console.
constexpr unsigned most_lines = 300;
constexpr int notice = 5;

/// What the command printed; nothing when it failed.
std::optional<std::string> answer(Session& session, const std::string& command, GuestDeadline deadline) {
  const auto left = deadline - session.now();
  const auto result = session.run(
      command, std::max(std::chrono::duration_cast<std::chrono::microseconds>(left), std::chrono::microseconds(0)));
  if (result.status != 0) return std::nullopt;
  return result.output;
}

}  // namespace

std::vector<KernelLine> parse_kernel_log(std::string_view text) {
  std::vector<KernelLine> lines;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with('<')) continue;
    int level = 0;
    std::size_t at = 1;
    for (; at < line.size() && at < 6 && std::isdigit(static_cast<unsigned char>(line[at])) != 0; ++at)
      level = level * 10 + (line[at] - '0');
    if (at == line.size() || line[at] != '>') continue;
    line.remove_prefix(at + 1);
    // A line without text ends with its stamp.
    const std::string whole = std::string(line) + ' ';
    const KernelStamp stamp = read_kernel_stamp(whole);
    if (stamp.match != KernelStamp::Match::yes) continue;
    const int worst = (level >> 3) > 1 ? notice : 0;
    lines.push_back(
        {stamp.stamp, std::max(level & 7, worst), std::string(line.substr(std::min(line.size(), stamp.length)))});
  }
  return lines;
}

std::optional<LoggedLines> read_kernel_log(Session& session, GuestDeadline deadline) {
  const KernelLog& log = session.kernel_log();
  const std::string command = log.program.empty() ? fmt::format("dmesg -r 2>/dev/null | tail -n {}", most_lines)
                                                  : fmt::format("{} log {}", log.program, log.since);
  const auto text = answer(session, command, deadline);
  if (!text) return std::nullopt;
  LoggedLines logged{parse_kernel_log(*text), false, {}, log.since};
  if (log.program.empty()) {
    logged.all = !logged.lines.empty() && logged.lines.front().stamp <= log.since;
  } else if (const auto last = text->rfind('@'); last != std::string::npos) {
    std::istringstream words(text->substr(last + 1));
    words >> logged.now.emplace() >> logged.all;
  }
  std::erase_if(logged.lines, [&](const KernelLine& line) { return line.stamp <= log.since; });
  return logged;
}

std::int64_t newest_in_kernel_log(Session& session, GuestDeadline deadline) {
  const auto text = answer(session, "dmesg -r 2>/dev/null | tail -n 5", deadline);
  const auto lines = parse_kernel_log(text.value_or(""));
  return lines.empty() ? 0 : lines.back().stamp;
}

}  // namespace kvmtest::console
