#pragma once
// A child process whose output is read line by line: a test waits for what it prints, never for time.

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kvmtest::testing {

class Process {
 public:
  /// Starts `words`, standard error joined to standard output, in `directory` (empty: here).
  explicit Process(const std::vector<std::string>& words, const std::string& directory = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Kills it if it still runs.
  ~Process();

  /// Reads until a line contains `text`. False: the output ended, or `patience` did.
  bool wait_for(const std::string& text, std::chrono::seconds patience = std::chrono::seconds(120));
  /// Reads the rest and returns the exit status; 128 + signal for a death by signal, -1 when `patience` ended.
  int finish(std::chrono::seconds patience = std::chrono::seconds(180));
  void signal(int number) const { ::kill(pid_, number); }
  /// Everything read so far.
  [[nodiscard]] const std::string& output() const { return output_; }

 private:
  bool read_some(std::chrono::steady_clock::time_point deadline);

  pid_t pid_ = -1;
  int pipe_ = -1;
  bool reaped_ = false;
  std::string output_;
  std::size_t searched_ = 0;
};

/// What a command printed, and its exit status.
struct Result {
  int status = 0;
  std::string output;
};
Result run(const std::vector<std::string>& words, const std::string& directory = {});

}  // namespace kvmtest::testing
