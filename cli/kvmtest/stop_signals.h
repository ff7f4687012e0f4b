#pragma once
// SIGINT and SIGTERM while a verb asks for a run and follows it: whoever sends one gets the terminal back, whether the
// daemon answers or not.

#include <atomic>
#include <csignal>
#include <thread>

namespace kvmtest::command {

/// Blocks both signals in all threads that are started from now on. One that comes while a request waits for its answer
/// is kept for whoever follows the run; when nobody does after some seconds, or at a second one, the command ends with
/// status 130. Made on the main thread, after what may take long without a daemon.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  static sigset_t all();

  /// Somebody else takes them, as signals that are blocked, from now until `give_back`; one that was kept comes first.
  void hand_over();
  void give_back();

 private:
  void watch();

  sigset_t before_{};
  int signals_;
  int wake_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace kvmtest::command
