#include "engine/spare_pool.h"

#include <chrono>
#include <utility>

#include "base/words.h"

namespace kvmtest::engine {

SparePool::SparePool(Spares& spares, unsigned threads, std::size_t capture_bound, std::function<void(core::Event)> post)
    : spares_(spares), capture_bound_(capture_bound), post_(std::move(post)), threads_("spares", threads + 1) {}

SparePool::~SparePool() { threads_.join(); }

void SparePool::prepare(const core::action::PrepareSpare& a) {
  {
    const base::Lock lock(mutex_);
    Entry& entry = entries_[a.domain];
    entry.ready.reset();
    entry.ticket = a.ticket;
    entry.unwanted = false;
  }
  threads_.post([this, a] { work(a); });
}

void SparePool::hurry(const core::action::HurrySpare& a) {
  threads_.post([this, a] {
    try {
      spares_.hurry(a.domain);
    } catch (const std::exception&) {
      // Then it comes when it comes, or not.
    }
  });
}

void SparePool::discard(const core::action::DiscardSpare& a) {
  threads_.post([this, a] {
    forget(a.domain);
    take_power(a.domain);
    post_(core::event::SpareDiscarded{a.ticket});
  });
}

void SparePool::forget(const core::Domain& domain) {
  base::Lock lock(mutex_);
  const auto found = entries_.find(domain);
  if (found != entries_.end()) end_work(lock, found->second);
}

/// From then on nothing is done with it any more.
void SparePool::end_work(base::Lock& lock, Entry& entry) {
  entry.ticket.reset();  // what has not begun never will
  if (entry.working) {
    entry.unwanted = true;
    if (entry.shell) entry.shell->interrupt();
    changed_.wait(lock, [&] { return !entry.working; });
  }
  entry.ready.reset();
  entry.shell.reset();
}

void SparePool::take_power(const core::Domain& domain) {
  try {
    spares_.discard(domain);
  } catch (const std::exception&) {
    // It never goes on the network, and Hypervisor::destroy tries again.
  }
}

// ---- on the pool's threads ----

void SparePool::work(const core::action::PrepareSpare& a) {
  {
    const base::Lock lock(mutex_);
    Entry& entry = entries_.at(a.domain);
    if (entry.ticket != a.ticket) return;  // nobody waits for it any more
    entry.working = true;
  }
  std::optional<Swapped> ready;
  std::string reason;
  try {
    ready = make_ready(a);
  } catch (const std::exception& e) {
    reason = base::words(e);
    take_power(a.domain);
  }
  {
    const base::Lock lock(mutex_);
    Entry& entry = entries_.at(a.domain);
    entry.working = false;
    if (entry.ticket == a.ticket) entry.ticket.reset();
    entry.shell.reset();
    entry.ready = std::move(ready);
    changed_.notify_all();
  }
  if (reason.empty())
    post_(core::event::SpareReady{a.ticket});
  else
    post_(core::event::SpareFailed{a.ticket, reason});
}

SparePool::Swapped SparePool::make_ready(const core::action::PrepareSpare& a) {
  Shell shell;
  {
    const base::Lock lock(mutex_);
    shell = entries_.at(a.domain).shell;
  }
  auto taken = spares_.take_back(a.domain, a.state, a.in_place && shell && shell->at_prompt());
  if (taken.console) shell = std::make_shared<console::Session>(std::move(taken.console), capture_bound_);
  show(a, shell);
  warm_up(*shell, shell->now() + answer_limit);
  spares_.halt(a.domain);
  return {std::move(shell), CleanState::from_text(taken.note)};
}

/// From now on it can be interrupted. Throws console::Interrupted when it is unwanted already.
void SparePool::show(const core::action::PrepareSpare& a, const Shell& shell) {
  {
    const base::Lock lock(mutex_);
    Entry& entry = entries_.at(a.domain);
    entry.shell = shell;
    if (entry.unwanted) throw console::Interrupted();
  }
  post_(core::event::SpareStarted{a.ticket});
}

// ---- on the threads of resets ----

SparePool::Swapped SparePool::swap(const core::Domain& domain, Shell left) {
  std::optional<Swapped> swapped;
  {
    const base::Lock lock(mutex_);
    if (const auto found = entries_.find(domain); found != entries_.end())
      swapped = std::exchange(found->second.ready, std::nullopt);
  }
  if (!swapped) throw HostFault(domain.name() + " has no spare that is ready");
  try {
    spares_.swap(domain);
  } catch (const HostFault&) {
    take_power(domain);
    throw;
  }
  const base::Lock lock(mutex_);
  entries_.at(domain).shell = std::move(left);
  return *std::move(swapped);
}

}  // namespace kvmtest::engine
