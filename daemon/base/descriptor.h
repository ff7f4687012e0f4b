#pragma once
// A file descriptor that closes itself.

#include <unistd.h>

#include <utility>

namespace kvmtest::base {

/// Owns a file descriptor, or none. One thread at a time.
class Descriptor {
 public:
  Descriptor() = default;
  /// `number` below 0: none.
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  [[nodiscard]] int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  /// Whoever calls closes it from now on.
  [[nodiscard]] int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

}  // namespace kvmtest::base
