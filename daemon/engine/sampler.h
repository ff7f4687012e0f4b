#pragma once
// How busy this machine is, from /proc.

#include <cstdint>

#include "core/record.h"

namespace kvmtest::engine {

/// One thread at a time.
class Sampler {
 public:
  /// Load, memory, pressure, and the busy share of all cores since the last call (since boot at the first). Zero for
  /// what /proc does not tell.
  core::record::Sample sample();

 private:
  std::uint64_t busy_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace kvmtest::engine
