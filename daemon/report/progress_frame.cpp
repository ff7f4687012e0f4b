// How a run's progress looks.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "report/progress.h"

namespace kvmtest::report {

using core::Duration;
using namespace std::chrono_literals;

namespace {

/// Whole seconds, for what is drawn once a second: "7 s", "3:05 min", "2:03:04 h".
std::string elapsed_text(Duration elapsed) {
  const auto seconds = std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(elapsed).count());
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{}:{:02} min", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02}:{:02} h", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

/// The same, with tenths where they matter.
std::string usual_text(Duration usual) {
  if (usual < 9950ms) return fmt::format("{:.1f} s", core::seconds(usual));
  return elapsed_text(std::chrono::round<std::chrono::seconds>(usual));
}

/// Rounded up to what one may believe: "5 s", "45 s", "3 min 20 s", "1 h 20 min".
std::string left_text(Duration left) {
  const auto up = [&](std::int64_t step) {
    return (std::chrono::ceil<std::chrono::seconds>(left).count() + step - 1) / step * step;
  };
  if (up(1) <= 10) return fmt::format("{} s", std::max<std::int64_t>(1, up(1)));
  if (up(5) < 60) return fmt::format("{} s", up(5));
  if (up(10) < 600) {
    const auto seconds = up(10);
    return seconds % 60 == 0 ? fmt::format("{} min", seconds / 60)
                             : fmt::format("{} min {} s", seconds / 60, seconds % 60);
  }
  const auto minutes = up(60) / 60;
  return minutes < 60 ? fmt::format("{} min", minutes) : fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

/// How the ways of resetting are told.
const char* doing(const std::string& method) {
  if (method == "boot") return "booting";
  return method == "restore" ? "restoring" : "resetting";
}

}  // namespace

/// Draws one frame.
class Frame {
 public:
  Frame(const Progress& progress, core::WallTime now, const Options& options)
      : progress_(progress),
        now_(now),
        // Name and time belong together: on a wide terminal the eye would have too far to go.
        options_{options.color, std::min(options.width, 100U)},
        narrow_(options.width < 60) {}

  std::vector<std::string> lines(unsigned height) const {
    std::vector<std::string> out;
    const std::size_t below = height < 2 ? 1 : 2;  // bar and counts
    const std::size_t room = height - std::min<std::size_t>(height, below);
    std::vector<const Progress::Lane*> lanes;
    for (const Progress::Lane& each : progress_.lanes_)
      if (!each.in_reserve) lanes.push_back(&each);
    const std::size_t all = lanes.size();
    const std::size_t shown = all <= room ? all : room - std::min<std::size_t>(room, 1);
    for (std::size_t i = 0; i < shown; ++i) out.push_back(lane(*lanes[i]));
    if (shown < all && room > 0)
      out.push_back(cut_end(fmt::format("and {} more prefixes", all - shown), options_.width));
    if (height > 0) out.push_back(bar());
    if (height > 1) out.push_back(counts());
    return out;
  }

 private:
  struct Activity {
    std::string text;
    std::string time;
    std::string test{};  ///< named behind the text, as far as there is room
    const char* text_look = look::plain;
    const char* time_look = look::plain;
    bool is_name = false;  ///< its end tells more than its beginning
  };

  Activity doing_now(const Progress::Waiting&) const {
    return {progress_.anything_to_begin() ? "waiting" : "nothing left to do", "", "", look::faint};
  }

  Activity doing_now(const Progress::GivenUp& given_up) const {
    return {"no longer used: " + escaped(given_up.reason), "", "", look::yellow};
  }

  Activity doing_now(const Progress::Resetting& resetting) const {
    using Phase = Progress::Reset::Phase;
    std::string text;
    const auto add = [&](Phase phase, const char* word, const auto& belongs) {
      std::string hosts;
      for (const auto& domain : resetting.domains)
        if (domain.phase == phase && belongs(domain)) hosts += (hosts.empty() ? " " : ", ") + escaped(domain.host);
      if (!hosts.empty()) text += (text.empty() ? "" : "; ") + std::string(word) + hosts;
    };
    for (const char* method : {"boot", "restore", "load"})
      add(Phase::under_way, doing(method),
          [&](const auto& domain) { return std::string_view(doing(domain.method)) == doing(method); });
    add(Phase::queued, "waiting for a slot:", [](const auto&) { return true; });
    if (text.empty()) add(Phase::done, "ready:", [](const auto&) { return true; });
    return {text, elapsed_text(now_ - resetting.since), escaped(resetting.test), look::faint, look::faint};
  }

  Activity doing_now(const Progress::Running& running) const {
    Activity out{.text = escaped(running.test), .time = elapsed_text(now_ - running.since), .is_name = true};
    if (running.number > 1) out.text += fmt::format(" (attempt {})", running.number);
    if (const auto usual = progress_.usual(running.test)) {
      out.time += (narrow_ ? "/" : ", usually ") + usual_text(*usual);
      if (now_ - running.since > 2 * *usual + 5s) out.time_look = look::yellow;
    }
    return out;
  }

  std::string lane(const Progress::Lane& lane) const {
    std::size_t widest = 2;
    for (const auto& other : progress_.lanes_) widest = std::max(widest, columns(prefix_text(other.prefix)));
    widest = std::min<std::size_t>(widest, 12);
    const std::string prefix = cut_end(prefix_text(lane.prefix), widest);
    const Activity activity = std::visit([&](const auto& state) { return doing_now(state); }, lane.state);
    const std::size_t before = widest + 2;
    if (before + 4 > options_.width) return cut_end(prefix + ' ' + activity.text, options_.width);
    std::string time = activity.time;
    // What is done matters more than for how long.
    if (before + 12 + columns(time) > options_.width) time.clear();
    const std::size_t after = time.empty() ? 0 : columns(time) + 2;
    const std::size_t room = options_.width - std::min<std::size_t>(options_.width, before + after);
    std::string text = activity.is_name ? cut_begin(activity.text, room) : cut_end(activity.text, room);
    constexpr std::size_t least_name = 12;
    if (const std::size_t used = columns(text) + 5; !activity.test.empty() && used + least_name <= room)
      text += " for " + cut_begin(activity.test, room - used);
    std::string out = painted(options_, prefix, look::bold) + std::string(before - columns(prefix), ' ') +
                      painted(options_, text, activity.text_look);
    if (time.empty()) return out;
    return out + std::string(room - columns(text) + 2, ' ') + painted(options_, time, activity.time_look);
  }

  std::string bar() const {
    const std::size_t all = progress_.tests_.size();
    const std::size_t done = progress_.decided();
    std::string tail = fmt::format(" {}/{}", done, all);
    std::string rest;
    if (!progress_.stopped_by_.empty()) {
      rest = "stopping";
    } else if (const auto left = progress_.time_left(now_); left) {
      rest = (narrow_ ? "" : "about ") + left_text(*left) + " left";
    }
    constexpr std::size_t least = 10;
    if (!rest.empty() && least + 2 + tail.size() + 2 + rest.size() <= options_.width) tail += "  " + rest;
    if (least + 2 + tail.size() > options_.width) return cut_end(tail.substr(1), options_.width);
    const std::size_t room = std::min<std::size_t>(options_.width - tail.size() - 2, 60);
    const std::size_t full = all == 0 ? 0 : room * done / all;
    return "[" + painted(options_, std::string(full, '#'), done_look()) +
           painted(options_, std::string(room - full, '-'), look::faint) + "]" + tail;
  }

  const char* done_look() const {
    const Counts& counts = progress_.counts_;
    if (counts.failed > 0) return look::red;
    return counts.unresolved > 0 ? look::yellow : look::green;
  }

  std::string counts() const {
    const Counts& counts = progress_.counts_;
    std::string out;
    std::size_t used = 0;
    const auto add = [&](const std::string& text, const char* how, const char* between) {
      const std::string joint = out.empty() ? "" : between;
      if (used + joint.size() + columns(text) > options_.width) return;
      used += joint.size() + columns(text);
      out += joint + painted(options_, text, how);
    };
    add(fmt::format("{} passed", counts.passed), counts.passed > 0 ? look::green : look::plain, "");
    const auto row = [&](unsigned number, const char* word, const char* how) {
      if (number > 0) add(fmt::format("{} {}", number, word), how, ", ");
    };
    if (counts.flaky > 0) add(fmt::format("({} flaky)", counts.flaky), look::yellow, " ");
    row(counts.failed, "failed", look::red);
    row(counts.unresolved, "unresolved", look::yellow);
    row(counts.unsupported, "unsupported", look::yellow);
    row(counts.untested, "untested", look::yellow);
    add("after " + elapsed_text(now_ - *progress_.started_), look::plain, "; ");
    if (progress_.sample_) {
      add(fmt::format("load {:.1f}", progress_.sample_->load), look::plain, "; ");
      add(fmt::format("processors {:.0f} %", 100 * progress_.sample_->cpu), look::plain, ", ");
    }
    return out;
  }

  const Progress& progress_;
  core::WallTime now_;
  Options options_;
  bool narrow_;
};

std::vector<std::string> Progress::frame(core::WallTime now, const Options& options, unsigned height) const {
  if (!started_ || finished_) return {};
  return Frame(*this, now, options).lines(height);
}

}  // namespace kvmtest::report
