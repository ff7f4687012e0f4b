#include "console/shell_watch.h"

#include <algorithm>

#include "console/prompt.h"

namespace kvmtest::console {
namespace {

using namespace std::chrono_literals;

constexpr const char* rub_out = "\x15";  // the line so far (VKILL); gettys and line editors know it, too
constexpr std::size_t end_bound = 512;   // bytes: a login prompt and what a kernel may say behind it
constexpr auto patience = 1s;            // for an echo
constexpr std::chrono::milliseconds longest_quiet = 10s;  // before a program that prints such words is asked again

/// Where a kernel's message begins in the line, "[   12.345678] "; npos: nowhere.
std::size_t message_in(std::string_view line) {
  for (auto at = line.find('['); at != std::string_view::npos; at = line.find('[', at + 1)) {
    const auto close = line.find(']', at);
    if (close == std::string_view::npos) continue;
    const std::string_view stamp = line.substr(at + 1, close - at - 1);
    if (stamp.find('.') != std::string_view::npos && stamp.find_first_not_of(" 0123456789.") == std::string_view::npos)
      return at;
  }
  return std::string_view::npos;
}

/// Without the messages of the kernel at its end: one may well come behind a prompt.
std::string_view without_kernel(std::string_view text) {
  while (true) {
    const std::string_view lines = text.substr(0, text.find_last_not_of("\r\n") + 1);
    const auto begin = lines.find_last_of("\r\n") + 1;
    const auto message = message_in(lines.substr(begin));
    if (message == std::string_view::npos) return text;
    text = text.substr(0, begin + message);
  }
}

}  // namespace

void ShellWatch::heard(std::string_view bytes, Time now) {
  heard_ = now;
  end_.append(bytes);
  if (end_.size() > 2 * end_bound) end_.erase(0, end_.size() - end_bound);
  asked_ = typing_;
  if (!ever_) return;
  // It may be an echo that somebody else spoke into.
  unsure_ = unsure_ || typing_;
  // Also behind the patience: a getty on a busy machine may be slow.
  answer_.append(bytes);
  other_ = other_ || answer_.find(letters_) != std::string::npos;
  if (answer_.size() > 2 * end_bound) answer_.erase(0, answer_.size() - letters_.size());
}

bool ShellWatch::looks_like_a_prompt() const {
  const std::size_t length = std::min(end_.size(), end_bound);
  const std::string seen = without_escapes(std::string_view(end_).substr(end_.size() - length));
  const std::string_view plain = without_kernel(seen);
  for (const char* end : {"login: ", "login:", "# ", "$ ", "% "})
    if (plain.ends_with(end)) return true;
  return false;
}

ShellWatch::Time ShellWatch::next() const {
  if (other_) return Time::max();
  if (typing_) return typed_ + patience;
  if (unsure_) return heard_ + quiet_;
  return asked_ || !looks_like_a_prompt() ? Time::max() : heard_ + quiet_;
}

std::string ShellWatch::type(Time now) {
  if (now < next()) return {};
  if (typing_) return finish();
  typing_ = asked_ = ever_ = true;
  unsure_ = false;
  typed_ = now;
  answer_.clear();
  quiet_ = std::min(2 * quiet_, longest_quiet);
  return letters_;
}

std::string ShellWatch::finish() {
  if (!typing_) return {};
  typing_ = false;
  return rub_out;
}

}  // namespace kvmtest::console
