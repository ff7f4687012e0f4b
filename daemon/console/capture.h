#pragma once
// Keeps what a console printed, within a bound: the beginning and the end stay, the middle goes and is marked.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kvmtest::console {

/// One thread at a time.
class Capture {
 public:
  /// `bound`: bytes kept at most, half of them from the beginning.
  explicit Capture(std::size_t bound) : bound_(bound) {}

  void append(std::string_view bytes);
  /// All of it, or the beginning, a line that tells how many bytes are missing, and the end.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool truncated() const { return total_ > head_.size() + tail_.size(); }
  /// Bytes seen, kept or not.
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  std::size_t bound_;
  std::uint64_t total_ = 0;
  std::string head_;
  std::string tail_;        ///< a ring once it is full
  std::size_t oldest_ = 0;  ///< in tail_
};

}  // namespace kvmtest::console
