#pragma once
// A program in a pseudo-terminal of its own, as a person would have it: what it shows is read, keys are pressed, the
// window is resized.

#include <chrono>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <termios.h>

namespace kvmtest::testing {

class Terminal {
 public:
  /// Starts `words` in `directory`, with TERM=xterm.
  Terminal(const std::vector<std::string>& words, const std::string& directory, unsigned rows = 24,
           unsigned columns = 80);
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  /// Kills the program if it still runs.
  ~Terminal();

  void resize(unsigned rows, unsigned columns) const;
  /// Presses keys, or pastes; reads what is shown meanwhile.
  void type(std::string_view bytes);
  /// Reads until what is shown, behind what was waited for last, has `text`. False: the program ended, or `patience`
  /// did.
  bool wait_for(std::string_view text, std::chrono::seconds patience = std::chrono::seconds(120));
  /// Until nothing has been shown for a while, as a person looks before the next key: only then is it certain that
  /// nothing more comes.
  void look();
  /// Reads the rest and returns the exit status; 128 + signal for a death by signal, -1 when `patience` ended.
  int finish(std::chrono::seconds patience = std::chrono::seconds(120));
  void signal(int number) const { ::kill(pid_, number); }

  /// Everything shown so far.
  [[nodiscard]] const std::string& shown() const { return shown_; }
  /// The settings of the terminal as they are now.
  [[nodiscard]] termios settings() const;

 private:
  bool read_some(std::chrono::steady_clock::time_point deadline);

  pid_t pid_ = -1;
  int master_ = -1;
  int slave_ = -1;  ///< held, so that the settings can be read when the program has ended
  bool reaped_ = false;
  std::string shown_;
  std::size_t searched_ = 0;
};

}  // namespace kvmtest::testing
