#pragma once
// What a person sees while a run is followed: lines that stay, and below them, in a terminal, a few lines that are
// drawn again and again. Nothing of these is left behind.

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "core/record.h"
#include "report/progress.h"

namespace kvmtest::command {

/// Whether standard output is a terminal that can be drawn on: one that TERM does not call dumb.
bool can_draw();

/// Lines at the bottom of the terminal behind standard output. Each call is one write. One thread at a time.
class Screen {
 public:
  /// Replaces what was drawn by `above`, which stays and ends in \n or is empty, and then `frame`.
  void draw(const std::string& above, const std::vector<std::string>& frame);

 private:
  std::vector<std::size_t> drawn_;  ///< columns of each line that is there, the cursor behind the last one
  unsigned width_ = 0;              ///< of the terminal then
};

/// Any thread. At most 10 frames a second are drawn, and one a second when nothing happens.
class Display {
 public:
  /// With `live` false it only prints.
  explicit Display(bool live) : live_(live) {}
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;
  ~Display() { close(); }

  /// Whether it draws.
  [[nodiscard]] bool live();
  /// The run's next record.
  void take(const core::record::Record& record);
  void expect(report::Expected expected);

  /// `lines` end in \n and stay.
  void print(const std::string& lines);
  /// The same for a message of kvmtest's own, which goes to standard error where nothing is drawn.
  void tell(const std::string& line);

  /// Draws if it is time to; returns how long from now it is time again, negative when that needs an event first.
  std::chrono::milliseconds tick();
  /// The terminal has another size, or is ours again after a stop.
  void redraw();
  /// Removes what is drawn, to be called before the process stops; redraw() brings it back.
  void hide();
  /// Removes what is drawn for good.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(Clock::time_point now) REQUIRES(mutex_);

  base::Mutex mutex_;
  bool live_ GUARDED_BY(mutex_);
  report::Progress progress_ GUARDED_BY(mutex_);
  Screen screen_ GUARDED_BY(mutex_);
  std::string pending_ GUARDED_BY(mutex_);  ///< lines that are to appear with the next frame
  bool changed_ GUARDED_BY(mutex_) = false;
  Clock::time_point drawn_at_ GUARDED_BY(mutex_){};
};

}  // namespace kvmtest::command
