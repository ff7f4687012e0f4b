#pragma once
// What a guest's kernel said at the console, as far as it is kept.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "console/kernel.h"

namespace kvmtest::console {

/// A message of the kernel among what a command printed, and no part of that.
struct KernelMessage {
  std::uint64_t offset = 0;  ///< in the command's output: how many bytes of it stand before
  std::string bytes;         ///< as printed, CR LF included
  KernelLine line;
  std::chrono::steady_clock::time_point read;  ///< when it came here
};

/// One thread at a time.
class Heard {
 public:
  /// Keeps it, within a bound on the bytes of all.
  void add(KernelMessage message) {
    bytes_ += message.bytes.size();
    if (bytes_ <= bound) messages_.push_back(std::move(message));
  }
  [[nodiscard]] std::size_t size() const { return messages_.size(); }
  /// Those that came after the first `count`.
  [[nodiscard]] std::vector<KernelMessage> after(std::size_t count) const {
    return {messages_.begin() + static_cast<std::ptrdiff_t>(count), messages_.end()};
  }
  /// All since the last call.
  std::vector<KernelMessage> take() {
    bytes_ = 0;
    return std::exchange(messages_, {});
  }

 private:
  static constexpr std::size_t bound = 1U << 20U;
  std::vector<KernelMessage> messages_;
  std::size_t bytes_ = 0;  ///< of those that were not kept, too
};

}  // namespace kvmtest::console
