#pragma once
// The one digest: names contents in few letters, so that two of them can be compared without keeping either. Not for
// secrets: it is quick and not cryptographic (XXH3).

#include <memory>
#include <string>
#include <string_view>

namespace kvmtest::base {

/// Of bytes that come in pieces. One thread at a time.
class Digest {
 public:
  Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  ~Digest();

  void add(std::string_view bytes);
  /// Of all that was added: 128 bits as 32 hexadecimal digits.
  [[nodiscard]] std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The same of bytes that are all there. Any thread.
std::string digest_of(std::string_view bytes);

/// 64 bits as 16 hexadecimal digits, for names that are few. Any thread.
std::string short_digest_of(std::string_view bytes);

}  // namespace kvmtest::base
