#include "base/patience.h"

#include <algorithm>
#include <utility>

#include "base/threads.h"

namespace kvmtest::base {

Patience::Patience(const std::string& purpose) : thread_(start_thread(purpose, [this] { look(); })) {}

Patience::~Patience() {
  {
    const Lock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

std::uint64_t Patience::add(std::chrono::milliseconds limit, std::function<void()> too_long) {
  const Lock lock(mutex_);
  const auto until = Clock::now() + limit;
  const bool first = std::all_of(waiting_.begin(), waiting_.end(),
                                 [&](const auto& each) { return each.second.over || until < each.second.until; });
  waiting_.emplace(++last_, Waiting{until, std::move(too_long)});
  if (first) changed_.notify_all();
  return last_;
}

void Patience::look() {
  Lock lock(mutex_);
  while (!ending_) {
    auto next = waiting_.end();
    for (auto each = waiting_.begin(); each != waiting_.end(); ++each)
      if (!each->second.over && (next == waiting_.end() || each->second.until < next->second.until)) next = each;
    if (next == waiting_.end()) {
      changed_.wait(lock);
      continue;
    }
    if (Clock::now() < next->second.until) {
      const auto until = next->second.until;
      changed_.wait_until(lock, until);
      continue;
    }
    // It stays where it is for so long: its end waits for this.
    next->second.over = true;
    next->second.busy = true;
    lock.unlock();
    next->second.too_long();
    lock.lock();
    next->second.busy = false;
    changed_.notify_all();
  }
}

Patience::Wait::Wait(Patience& patience, std::chrono::milliseconds limit, std::function<void()> too_long)
    : patience_(patience), number_(patience.add(limit, std::move(too_long))) {}

Patience::Wait::~Wait() {
  Lock lock(patience_.mutex_);
  const auto found = patience_.waiting_.find(number_);
  patience_.changed_.wait(lock, [&] { return !found->second.busy; });
  patience_.waiting_.erase(found);
}

bool Patience::Wait::over() const {
  const Lock lock(patience_.mutex_);
  return patience_.waiting_.at(number_).over;
}

}  // namespace kvmtest::base
