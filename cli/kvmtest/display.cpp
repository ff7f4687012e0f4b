#include "kvmtest/display.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "client/screen.h"
#include "kvmtest/text_look.h"
#include "report/text.h"

namespace kvmtest::command {

using namespace std::chrono_literals;

namespace {

constexpr auto shortest = 100ms;  ///< between two frames
constexpr auto longest = 1000ms;  ///< the same, so that times go on

/// A job in the background must not draw over what its user is doing.
bool in_foreground() {
  const pid_t group = tcgetpgrp(STDOUT_FILENO);
  return group < 0 || group == getpgrp();
}

/// How many rows lines of so many columns take; a terminal that became narrower has broken them.
std::size_t rows(const std::vector<std::size_t>& lines, std::size_t width) {
  std::size_t sum = 0;
  for (const std::size_t line : lines) sum += std::max<std::size_t>(1, (line + width - 1) / width);
  return sum;
}

/// Of a line that may have colors in it.
std::size_t columns_of(std::string_view line) {
  std::size_t sum = 0;
  while (!line.empty()) {
    const std::size_t escape = std::min(line.find('\x1b'), line.size());
    sum += report::columns(line.substr(0, escape));
    const std::size_t end = line.find('m', escape);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  return sum;
}

}  // namespace

bool can_draw() {
  const char* term = std::getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

void Screen::draw(const std::string& above, const std::vector<std::string>& frame) {
  std::string out;
  const unsigned width = client::window_size(STDOUT_FILENO).value_or(client::WindowSize{}).columns;
  if (!drawn_.empty()) {
    out += '\r';
    if (const std::size_t up = rows(drawn_, width) - 1; up > 0) out += fmt::format("\x1b[{}A", up);
  }
  // Lines that the terminal has broken go as a whole: drawn over, it would still take them for one.
  if (!above.empty() || frame.empty() || width != width_) out += "\x1b[J";
  width_ = width;
  out += above;
  drawn_.clear();
  // Should a line take more columns than it says, it is cut by the terminal and does not push the others down.
  if (!frame.empty()) out += "\x1b[?7l";
  for (const std::string& line : frame) {
    if (!drawn_.empty()) out += "\r\n";
    out += line + "\x1b[K";
    drawn_.push_back(columns_of(line));
  }
  if (!frame.empty()) out += "\x1b[J\x1b[?7h";
  client::write_all(out);
}

bool Display::live() {
  const base::Lock lock(mutex_);
  return live_;
}

void Display::take(const core::record::Record& record) {
  const base::Lock lock(mutex_);
  progress_.take(record);
  changed_ = true;
}

void Display::expect(report::Expected expected) {
  const base::Lock lock(mutex_);
  progress_.expect(std::move(expected));
}

void Display::print(const std::string& lines) {
  const base::Lock lock(mutex_);
  if (live_) {
    pending_ += lines;
    changed_ = true;
  } else {
    std::cout << lines << std::flush;
  }
}

void Display::tell(const std::string& line) {
  {
    const base::Lock lock(mutex_);
    if (live_) {
      pending_ += report::escaped_lines(line) + '\n';
      changed_ = true;
      return;
    }
  }
  std::cerr << line + '\n';
}

std::chrono::milliseconds Display::tick() {
  const base::Lock lock(mutex_);
  if (!live_) return -1ms;
  const auto now = Clock::now();
  const auto due = drawn_at_ + (changed_ ? shortest : longest);
  if (now >= due) {
    draw(now);
    return longest;
  }
  return std::chrono::ceil<std::chrono::milliseconds>(due - now);
}

void Display::redraw() {
  const base::Lock lock(mutex_);
  if (live_) draw(Clock::now());
}

void Display::draw(Clock::time_point now) {
  const auto size = client::window_size(STDOUT_FILENO).value_or(client::WindowSize{});
  // The last column stays free: what terminals do after it differs.
  const report::Options options{color_wanted(), size.columns - 1};
  const auto wall = std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
  std::vector<std::string> frame;
  if (in_foreground()) frame = progress_.frame(wall, options, size.rows - 1);
  screen_.draw(std::exchange(pending_, {}), frame);
  changed_ = false;
  drawn_at_ = now;
}

void Display::hide() {
  const base::Lock lock(mutex_);
  if (live_) screen_.draw(std::exchange(pending_, {}), {});
}

void Display::close() {
  const base::Lock lock(mutex_);
  if (live_) screen_.draw(std::exchange(pending_, {}), {});
  live_ = false;
}

}  // namespace kvmtest::command
