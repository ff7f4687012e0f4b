#include "engine/kernel_talk.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace kvmtest::engine {

using std::chrono::duration_cast;
using std::chrono::microseconds;

namespace {

// For a guest that is slow to tell its log; without it the console's words count.
constexpr auto log_limit = std::chrono::seconds(10);

bool is_stamped(std::string_view message) {
  return console::read_kernel_stamp(message).match == console::KernelStamp::Match::yes;
}

}  // namespace

KernelTalk hear_kernel(console::Session& session) {
  KernelTalk talk{.heard = session.take_kernel()};
  if (session.at_prompt()) talk.log = console::read_kernel_log(session, session.now() + log_limit);
  talk.read = std::chrono::steady_clock::now();
  session.take_kernel();  // meanwhile
  return talk;
}

std::vector<suite::KernelLine> kernel_lines(const KernelTalk& talk, std::chrono::steady_clock::time_point start) {
  const auto& [heard, log, read] = talk;
  // By time and text: the console does not tell the level, and the log not when a line came here.
  std::vector<suite::KernelLine> lines;
  std::map<std::pair<std::int64_t, std::string>, std::size_t> found;
  const auto add = [&](const console::KernelLine& line) -> suite::KernelLine& {
    const auto [entry, fresh] = found.try_emplace({line.stamp, line.text}, lines.size());
    if (fresh) lines.push_back({{}, line.stamp, line.level, line.text});
    return lines[entry->second];
  };
  for (const console::KernelLine& line : log ? log->lines : std::vector<console::KernelLine>{}) {
    suite::KernelLine& said = add(line);
    if (log->now)
      said.at =
          std::max(microseconds(0), duration_cast<microseconds>(read - start) - microseconds(*log->now - line.stamp));
  }
  for (const console::KernelMessage& message : heard) {
    // A message of before the attempt may have come late.
    if (log && message.line.stamp <= log->since && is_stamped(message.bytes)) continue;
    // See restore_output().
    if (log && log->all && !found.contains({message.line.stamp, message.line.text}) && is_stamped(message.bytes))
      continue;
    add(message.line).at = duration_cast<microseconds>(message.read - start);
  }
  std::stable_sort(lines.begin(), lines.end(), [](const suite::KernelLine& one, const suite::KernelLine& other) {
    return one.stamp < other.stamp;
  });
  return lines;
}

void restore_output(suite::StepResult& result, const console::LoggedLines& log) {
  if (!log.all || result.truncated || result.kernel.empty()) return;
  std::set<std::pair<std::int64_t, std::string_view>> known;
  for (const console::KernelLine& line : log.lines) known.emplace(line.stamp, line.text);
  const auto is_known = [&](const suite::KernelMessage& message) {
    const auto line = std::string_view(message.bytes).substr(0, message.bytes.size() - 2);
    const auto stamp = console::read_kernel_stamp(line);
    return stamp.match != console::KernelStamp::Match::yes || stamp.stamp <= log.since ||
           known.contains({stamp.stamp, line.substr(stamp.length)});
  };
  std::string output;  // in one pass: a guest may print any number of such lines
  std::size_t at = 0;  // in that without them
  std::erase_if(result.kernel, [&](suite::KernelMessage& message) {
    const std::size_t before = std::max(at, std::min<std::size_t>(message.offset, result.output.size()));
    output.append(result.output, at, before - at);
    at = before;
    message.offset = output.size();
    if (is_known(message)) return false;
    output += message.bytes;
    return true;
  });
  result.output = output.append(result.output, at);
}

}  // namespace kvmtest::engine
