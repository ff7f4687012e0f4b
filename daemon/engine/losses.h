#pragma once
// The way from whoever learns that a domain ended to the engine, which comes and goes.

#include <memory>

#include "base/mutex.h"
#include "core/ids.h"
#include "engine/engine.h"
#include "engine/hypervisor.h"

namespace kvmtest::engine {

/// Whom libvirt's thread tells that a domain ended: the engine, as long as there is one. Any thread.
class Losses {
 public:
  /// To `engine`, until the returned pointer goes.
  [[nodiscard]] auto to(Engine& engine) {
    set(&engine);
    auto end = [](Losses* losses) { losses->set(nullptr); };
    return std::unique_ptr<Losses, decltype(end)>(this, end);
  }
  void tell(const core::Domain& domain, const End& end) {
    const base::Lock lock(mutex_);
    if (engine_ != nullptr) engine_->domain_lost(domain, end);
  }

 private:
  void set(Engine* engine) {
    const base::Lock lock(mutex_);
    engine_ = engine;
  }

  base::Mutex mutex_;
  Engine* engine_ GUARDED_BY(mutex_) = nullptr;
};

}  // namespace kvmtest::engine
