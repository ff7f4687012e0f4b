#include "engine/connections.h"

#include <algorithm>
#include <utility>

namespace kvmtest::engine {

std::shared_ptr<void> Connections::add(const core::Domain& domain, std::function<void()> cut, bool client) {
  const base::Lock lock(mutex_);
  OfDomain& all = open_[domain];
  const auto place = all.insert(all.end(), Connection{std::move(cut), client});
  return {nullptr, [this, &all, place](void*) {
            const base::Lock removing(mutex_);
            all.erase(place);
          }};
}

void Connections::cut(const core::Domain& domain) {
  const base::Lock lock(mutex_);
  if (const auto found = open_.find(domain); found != open_.end())
    for (const Connection& each : found->second) each.cut();
}

bool Connections::any(const core::Prefix& prefix) {
  const base::Lock lock(mutex_);
  return std::any_of(open_.begin(), open_.end(), [&](const auto& entry) {
    const auto& [domain, all] = entry;
    return domain.prefix == prefix &&
           std::any_of(all.begin(), all.end(), [](const Connection& each) { return each.client; });
  });
}

}  // namespace kvmtest::engine
