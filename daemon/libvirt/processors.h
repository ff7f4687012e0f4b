#pragma once
// On which of this machine's processors QEMUs do their work.

#include <cstddef>
#include <map>
#include <set>
#include <string>

#include "base/mutex.h"
#include "core/ids.h"
#include "core/model.h"
#include "libvirt/handles.h"

namespace kvmtest::libvirt {

/// Any thread.
class Processors {
 public:
  /// `hosts`: of every prefix.
  explicit Processors(const std::set<std::string>& hosts) : hosts_(hosts) {}

  /// Keeps a running QEMU's main thread, and with it the threads that read and write its files, on one processor: going
  /// back to a saved state hands over between them some thousand times, which takes twice as long across processors
  /// (docs/adr/0008-reset-by-snapshot.md). The thread that runs the guest is free to go where there is room. Where that
  /// is refused, nothing happens.
  void pin(const core::Domain& domain, virDomainPtr handle);

 private:
  std::size_t turn_of(const core::Domain& domain);

  const std::set<std::string> hosts_;
  base::Mutex mutex_;
  std::map<core::Prefix, std::size_t> turns_ GUARDED_BY(mutex_);  ///< of prefixes, as they first started a domain
};

}  // namespace kvmtest::libvirt
