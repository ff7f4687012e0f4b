#pragma once
// A program that leaves nothing behind. It runs under a process of ours that is a child subreaper: whatever the program
// starts and leaves, in whatever session, stays below that one, which ends all of it when the program has ended, and
// also when the process that started it has.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "process/confinement.h"

namespace kvmtest::process {

/// How it is started. Standard input is empty; it leads a process group of its own, and signals are as by default.
struct Launch {
  std::vector<std::string> command;      ///< its arguments, its own path first
  std::vector<std::string> environment;  ///< all of it, "NAME=value"
  std::filesystem::path directory{};     ///< where it runs; empty: where this process does
  int output = -1;                       ///< descriptors that become its standard output and error
  int errors = -1;
  std::optional<Confinement> confinement{};  ///< none: it may what this process may
};

/// One thread at a time.
class Child {
 public:
  /// Throws std::system_error when the machine has no process to give, or does not confine it. A program that there is
  /// not is no error here: see start_error().
  explicit Child(const Launch& launch);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// Ends it and all that it left.
  ~Child();

  /// Why it could not be started, as an errno; 0: it was.
  [[nodiscard]] int start_error() const { return start_error_; }
  /// Readable when ended() has something new to tell.
  [[nodiscard]] int descriptor() const { return control_; }
  /// Whether the program has ended. What it started may go on. Does not wait.
  bool ended();
  /// As waitpid(2) tells it; only when it has ended.
  [[nodiscard]] int status() const { return status_.value_or(0); }
  /// To its process group.
  void signal(int number);
  /// Ends the program, if it goes on, and everything below it, and waits until nothing is left. Returns the command
  /// lines of those that were there although the program had ended.
  std::vector<std::string> end();

 private:
  void take(bool wait);
  void await_start(pid_t forked, bool apart);

  pid_t reaper_ = -1;
  int control_ = -1;
  int start_error_ = 0;
  int refused_ = 0;  ///< why it is not confined, as an errno
  std::optional<int> status_;
  bool answered_ = false;  ///< whether the program has been started is known
  bool done_ = false;
  std::vector<std::string> left_;
};

}  // namespace kvmtest::process
