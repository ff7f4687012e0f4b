#pragma once
// Clients' connections to domains that are up. None outlives a reset: its other end is then another guest, or one that
// knows nothing of it.

#include <functional>
#include <list>
#include <map>
#include <memory>

#include "base/mutex.h"
#include "core/ids.h"

namespace kvmtest::engine {

/// Any thread.
class Connections {
 public:
  Connections() = default;
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  /// There is one, of a client or of the daemon's own, until the pointer goes. `cut` ends it, on any thread, with the
  /// lock held: it does not wait.
  std::shared_ptr<void> add(const core::Domain& domain, std::function<void()> cut, bool client);
  /// The domain goes back, or is destroyed.
  void cut(const core::Domain& domain);
  /// Whether there is one of a client to a domain of the prefix.
  bool any(const core::Prefix& prefix);

 private:
  struct Connection {
    std::function<void()> cut;
    bool client = true;
  };
  using OfDomain = std::list<Connection>;

  base::Mutex mutex_;
  std::map<core::Domain, OfDomain> open_ GUARDED_BY(mutex_);
};

}  // namespace kvmtest::engine
