#include "engine/spare_pool.h"

#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

namespace kvmtest::engine {

using namespace std::chrono_literals;

namespace {

// A domain whose spare failed so often gets none any more in the run.
constexpr unsigned most_failures = 2;

template <class State>
bool is(const auto& variant) {
  return std::holds_alternative<State>(variant);
}

}  // namespace

SparePool::SparePool(Spares& spares, unsigned threads, std::size_t capture_bound, OnGivenUp on_given_up)
    : spares_(spares), capture_bound_(capture_bound), on_given_up_(std::move(on_given_up)), threads_(threads) {}

SparePool::~SparePool() { threads_.join(); }

void SparePool::begin_run(unsigned most) {
  const std::lock_guard lock(mutex_);
  most_ = most;
  std::erase_if(entries_, [](const auto& entry) { return !is<Preparing>(entry.second.state); });
}

void SparePool::hold(bool hold) {
  std::vector<core::Domain> waiting;
  {
    const std::lock_guard lock(mutex_);
    held_ = hold;
    if (!hold) waiting.swap(held_back_);
  }
  for (const core::Domain& domain : waiting) boost::asio::post(threads_, [this, domain] { work(domain); });
}

void SparePool::prepare(const core::Domain& domain, const core::StateId& state) {
  {
    const std::lock_guard lock(mutex_);
    auto found = entries_.find(domain);
    if (found == entries_.end()) {
      if (entries_.size() >= most_) return;
      found = entries_.try_emplace(domain).first;
    }
    Entry& entry = found->second;
    if (entry.failures >= most_failures || is<Queued>(entry.state) || is<Preparing>(entry.state)) return;
    Shell shell;
    if (auto* idle = std::get_if<Idle>(&entry.state)) shell = std::move(idle->shell);
    // One that is ready in another state is no better than none.
    if (const auto* ready = std::get_if<Ready>(&entry.state); ready && ready->state == state) return;
    entry.state = Queued{state, std::move(shell)};
    if (held_) {
      held_back_.push_back(domain);
      return;
    }
  }
  boost::asio::post(threads_, [this, domain] { work(domain); });
}

// ---- on the pool's threads ----

void SparePool::work(const core::Domain& domain) {
  std::optional<Queued> wanted;
  bool in_place = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(domain);
    if (found == entries_.end() || !is<Queued>(found->second.state)) return;
    wanted = std::get<Queued>(std::move(found->second.state));
    in_place = wanted->shell && wanted->shell->at_prompt();
    found->second.state = Preparing{wanted->shell, in_place, false};
  }
  try {
    Swapped ready = make_ready(domain, *wanted, in_place);
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_.at(domain);
    if (!std::get<Preparing>(entry.state).unwanted) {
      entry.state = Ready{wanted->state, std::move(ready)};
      changed_.notify_all();
      return;
    }
  } catch (const std::exception& e) {
    withdraw(domain, e.what());
    return;
  }
  withdraw(domain, {});
}

SparePool::Swapped SparePool::make_ready(const core::Domain& domain, const Queued& wanted, bool in_place) {
  auto taken = spares_.take_back(domain, wanted.state, in_place);
  Shell shell = wanted.shell;
  if (taken.console) shell = std::make_shared<console::Session>(std::move(taken.console), capture_bound_);
  show(domain, shell);
  warm_up(*shell, std::chrono::steady_clock::now() + answer_limit);
  spares_.halt(domain);
  return {std::move(shell), CleanState::from_text(taken.note)};
}

/// From now on it can be interrupted. Throws console::Interrupted when it is unwanted already.
void SparePool::show(const core::Domain& domain, const Shell& shell) {
  const std::lock_guard lock(mutex_);
  auto& preparing = std::get<Preparing>(entries_.at(domain).state);
  preparing.shell = shell;
  preparing.soon = true;
  if (preparing.unwanted) throw console::Interrupted();
}

/// `reason` empty: nobody wants it any more.
void SparePool::withdraw(const core::Domain& domain, const std::string& reason) {
  try {
    spares_.discard(domain);
  } catch (const std::exception&) {
    // It never goes on the network, and Hypervisor::destroy tries again.
  }
  bool given_up = false;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_.at(domain);
    const bool wanted = !std::get<Preparing>(entry.state).unwanted;
    entry.state = Idle{};
    if (wanted && !reason.empty()) given_up = ++entry.failures == most_failures;
    changed_.notify_all();
  }
  if (given_up) on_given_up_(domain, reason);
}

// ---- on the threads of resets ----

void SparePool::wake() {
  // Whoever has just asked is waiting by the time this has the lock.
  { const std::lock_guard lock(mutex_); }
  changed_.notify_all();
}

std::optional<SparePool::Swapped> SparePool::swap(const core::Domain& domain, const core::StateId& state, Shell left,
                                                  bool quicker, const std::function<bool()>& cancelled) {
  Swapped swapped;
  {
    std::unique_lock lock(mutex_);
    const auto found = entries_.find(domain);
    if (found == entries_.end()) return std::nullopt;
    Entry& entry = found->second;
    // Work that has not begun is no quicker than the reset itself.
    if (auto* queued = std::get_if<Queued>(&entry.state)) entry.state = Idle{std::move(queued->shell)};
    if (const auto* preparing = std::get_if<Preparing>(&entry.state); preparing && (preparing->soon || !quicker)) {
      lock.unlock();
      spares_.hurry(domain);
      lock.lock();
      changed_.wait(lock, [&] { return !is<Preparing>(entry.state) || cancelled(); });
    }
    auto* ready = std::get_if<Ready>(&entry.state);
    if (!ready || ready->state != state) return std::nullopt;
    swapped = std::move(ready->swapped);
    entry.state = Idle{};
  }
  std::string reason;
  try {
    spares_.swap(domain);
  } catch (const std::exception& e) {
    reason = e.what();
    try {
      spares_.discard(domain);
    } catch (const std::exception&) {
      // As above.
    }
  }
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_.at(domain);
  if (reason.empty()) {
    entry.state = Idle{std::move(left)};
    return swapped;
  }
  ++entry.failures;
  return std::nullopt;
}

void SparePool::forget(const core::Domain& domain) {
  std::unique_lock lock(mutex_);
  const auto found = entries_.find(domain);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (auto* preparing = std::get_if<Preparing>(&entry.state)) {
    preparing->unwanted = true;
    if (preparing->shell) preparing->shell->interrupt();
    changed_.wait(lock, [&] { return !is<Preparing>(entry.state); });
  }
  entry.state = Idle{};
}

void SparePool::discard(const core::Prefix& prefix) {
  const std::lock_guard lock(mutex_);
  for (auto& [domain, entry] : entries_) {
    if (domain.prefix != prefix) continue;
    if (auto* preparing = std::get_if<Preparing>(&entry.state)) {
      preparing->unwanted = true;
      if (preparing->shell) preparing->shell->interrupt();
      continue;
    }
    // As one that is being made ready and is unwanted: so nobody swaps it in, and forget() waits for it.
    entry.state = Preparing{nullptr, false, true};
    boost::asio::post(threads_, [this, domain = domain] { withdraw(domain, {}); });
  }
}

}  // namespace kvmtest::engine
