#pragma once
// The seam to domains' ports: the machine's way to a domain beside its console. The libvirt adapter is the real one.

#include <chrono>
#include <cstdint>
#include <stdexcept>

#include "base/descriptor.h"
#include "core/ids.h"

namespace kvmtest::engine {

/// There is no way, or nobody at its end. what() is one line.
class NoWay : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Every verb from any thread.
class Ways {
 public:
  Ways() = default;
  Ways(const Ways&) = delete;
  Ways& operator=(const Ways&) = delete;
  virtual ~Ways() = default;

  /// Whether domains of that description are reached at all. Throws core::InputError where the description is at fault.
  virtual bool reaches(const core::Domain& domain) = 0;
  /// A TCP connection to a port of a domain that is up. Waits, `patience` at most. Throws NoWay, HostFault.
  virtual base::Descriptor connect(const core::Domain& domain, std::uint16_t port,
                                   std::chrono::milliseconds patience) = 0;
};

}  // namespace kvmtest::engine
