#include "engine/connections.h"

#include <algorithm>
#include <utility>

namespace kvmtest::engine {

std::shared_ptr<void> Connections::add(const core::Domain& domain, std::function<void()> cut) {
  const base::Lock lock(mutex_);
  Cuts& cuts = open_[domain];
  const auto place = cuts.insert(cuts.end(), std::move(cut));
  return {nullptr, [this, &cuts, place](void*) {
            const base::Lock removing(mutex_);
            cuts.erase(place);
          }};
}

void Connections::cut(const core::Domain& domain) {
  const base::Lock lock(mutex_);
  if (const auto found = open_.find(domain); found != open_.end())
    for (const auto& each : found->second) each();
}

bool Connections::any(const core::Prefix& prefix) {
  const base::Lock lock(mutex_);
  return std::any_of(open_.begin(), open_.end(),
                     [&](const auto& entry) { return entry.first.prefix == prefix && !entry.second.empty(); });
}

}  // namespace kvmtest::engine
