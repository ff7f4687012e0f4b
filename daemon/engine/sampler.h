#pragma once
// How busy this machine is, from /proc.

#include "core/record.h"
#include "process/processor_time.h"

namespace kvmtest::engine {

/// One thread at a time.
class Sampler {
 public:
  /// Load, memory, pressure, and the busy share of all cores since the last call (since boot at the first). Zero for
  /// what /proc does not tell.
  core::record::Sample sample();

 private:
  process::MachineReading last_;
};

}  // namespace kvmtest::engine
