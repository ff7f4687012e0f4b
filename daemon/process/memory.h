#pragma once
// What the kernel tells of this machine's memory.

#include <cstdint>

namespace kvmtest::process {

/// Bytes of memory that can be had without swapping (MemAvailable, proc(5)); 0 when the kernel does not tell. Any
/// thread.
std::uint64_t memory_available();

}  // namespace kvmtest::process
