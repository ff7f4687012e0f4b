#pragma once
// What root may do, in parts: capabilities(7).

#include <cstdint>
#include <initializer_list>

namespace kvmtest::process {

/// Some of them, one bit each.
class Capabilities {
 public:
  constexpr Capabilities(std::initializer_list<unsigned> all) {
    for (const unsigned each : all) bits_ |= std::uint64_t{1} << each;
  }
  [[nodiscard]] constexpr bool has(unsigned each) const { return (bits_ >> each & 1) != 0; }
  [[nodiscard]] constexpr std::uint32_t word(unsigned which) const {
    return static_cast<std::uint32_t>(bits_ >> (32 * which));
  }

 private:
  std::uint64_t bits_ = 0;
};

/// Whether this process has it in effect. Any thread.
bool has_capability(unsigned each);

/// Takes all others from this thread and from what it starts, for good, where it has CAP_SETPCAP; else what it starts
/// may get back what the kernel gives it. Returns an errno, 0: done. System calls only, so that it can be called
/// between fork(2) and execve(2).
int keep_only(const Capabilities& kept);

}  // namespace kvmtest::process
