#pragma once
// Ends domains, their spares with them, side by side: libvirt makes each wait a fifth of a second.

#include <map>

#include "base/mutex.h"
#include "base/threads.h"
#include "core/actions.h"
#include "engine/consoles.h"
#include "engine/context.h"
#include "engine/spare_pool.h"

namespace kvmtest::engine {

/// Any thread.
class Destroyers {
 public:
  /// All of these outlive it.
  Destroyers(Context& context, Consoles& consoles, SparePool& spares);
  Destroyers(const Destroyers&) = delete;
  Destroyers& operator=(const Destroyers&) = delete;
  /// Joins the threads.
  ~Destroyers() { threads_.join(); }

  /// Answers with DomainDestroyed or DomainDestroyFailed. Does not wait.
  void start(const core::action::DestroyDomain& a);
  /// What the domain's last destruction took.
  core::Duration last(const core::Domain& domain);

 private:
  void destroy(const core::action::DestroyDomain& a, std::int64_t run);

  Context& context_;
  Consoles& consoles_;
  SparePool& spares_;
  base::Mutex mutex_;
  std::map<core::Domain, core::Duration> last_ GUARDED_BY(mutex_);
  base::Pool threads_;  ///< ends first
};

}  // namespace kvmtest::engine
