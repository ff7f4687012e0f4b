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

/// What the command printed; nothing when it failed.
std::optional<std::string> answer(Session& session, const std::string& command, Deadline deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
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
    lines.push_back({stamp.stamp, level & 7, std::string(line.substr(std::min(line.size(), stamp.length)))});
  }
  return lines;
}

std::optional<LoggedLines> read_kernel_log(Session& session, int level, Deadline deadline) {
  const KernelLog& log = session.kernel_log();
  std::string command = fmt::format("{} log {} {}", log.program, log.since, level);
  if (log.program.empty()) {
    command = fmt::format("dmesg -r 2>/dev/null | tail -n {}", most_lines);
    // Its numbers are of facility and level: 0 to 7 of the kernel, 8 to 15 of programs that do not say.
    if (level < 7) command += fmt::format(" | grep -E '^<([0-{0}]|[89]|1[0-{0}])>' || :", level);
  }
  const auto text = answer(session, command, deadline);
  if (!text) return std::nullopt;
  LoggedLines logged{parse_kernel_log(*text), false, {}};
  if (log.program.empty()) {
    logged.all = !logged.lines.empty() && logged.lines.front().stamp <= log.since;
  } else if (const auto last = text->rfind('@'); last != std::string::npos) {
    std::istringstream words(text->substr(last + 1));
    words >> logged.now.emplace() >> logged.all;
  }
  std::erase_if(logged.lines, [&](const KernelLine& line) { return line.stamp <= log.since || line.level > level; });
  return logged;
}

std::int64_t newest_in_kernel_log(Session& session, Deadline deadline) {
  const auto text = answer(session, "dmesg -r 2>/dev/null | tail -n 5", deadline);
  const auto lines = parse_kernel_log(text.value_or(""));
  return lines.empty() ? 0 : lines.back().stamp;
}

}  // namespace kvmtest::console
