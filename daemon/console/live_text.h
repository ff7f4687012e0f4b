#pragma once
// What is typed and printed at a console while a test runs there, for whoever watches: the commands as people write
// them, and their output.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/mutex.h"

namespace kvmtest::console {

/// Any thread.
class LiveText {
 public:
  /// `bound`: bytes kept for those who come late or read slowly.
  explicit LiveText(std::size_t bound) : bound_(bound) {}

  void append(std::string_view text);
  /// Nothing more will come.
  void close();

  struct Part {
    std::string text;
    std::uint64_t end = 0;  ///< of the text: where the next part begins
    bool closed = false;    ///< that was all
  };
  /// What came after `from`, waiting for more until `deadline`. What is gone by then is left out; 0 gives all that is
  /// kept, from the beginning of a line.
  Part after(std::uint64_t from, std::chrono::steady_clock::time_point deadline);

 private:
  const std::size_t bound_;
  base::Mutex mutex_;
  base::Condition changed_;
  std::string kept_ GUARDED_BY(mutex_);
  std::uint64_t total_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace kvmtest::console
