#pragma once
// Who asks while the daemon starts waits until it serves: the socket is there from the first moment, so that a daemon
// that is being started can be told from none.

#include <filesystem>
#include <optional>
#include <string>

#include "api/server.h"
#include "base/mutex.h"

namespace kvmtest::api {

/// Any thread. Outlives the server that has its handler.
class Gate {
 public:
  /// For people, who ask what is starting: the daemon's pid, as they know it, and its state directory.
  Gate(int pid, std::filesystem::path state_dir) : pid_(pid), state_dir_(std::move(state_dir)) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// Answers by what the gate is opened to, and waits for that; but "GET /v1/status?at_once=1" is told that the daemon
  /// is starting.
  Handler handler();
  /// All requests, those that wait first, are `handler`'s. Once.
  void open(Handler handler);
  /// All requests are refused with this error (docs/api.md). Returns when those that waited have their answer.
  void refuse(unsigned status, const std::string& kind, const std::string& error);

 private:
  struct Refusal {
    unsigned status = 0;
    std::string kind{};
    std::string error{};
  };

  void answer(const Request& request, Exchange& exchange);

  const int pid_;
  const std::filesystem::path state_dir_;
  base::Mutex mutex_;
  base::Condition changed_;
  Handler opened_ GUARDED_BY(mutex_);
  std::optional<Refusal> refusal_ GUARDED_BY(mutex_);
  unsigned waiting_ GUARDED_BY(mutex_) = 0;  ///< or being refused
};

}  // namespace kvmtest::api
