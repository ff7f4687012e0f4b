#include "console/live_text.h"

#include <algorithm>

namespace kvmtest::console {

void LiveText::append(std::string_view text) {
  const base::Lock lock(mutex_);
  total_ += text.size();
  kept_.append(text);
  // Seldom: most appends move nothing.
  if (kept_.size() > 2 * bound_) kept_.erase(0, kept_.size() - bound_);
  changed_.notify_all();
}

void LiveText::close() {
  const base::Lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

LiveText::Part LiveText::after(std::uint64_t from, std::chrono::steady_clock::time_point deadline) {
  base::Lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&]() REQUIRES(mutex_) { return total_ > from || closed_; });
  const std::size_t missing = std::min<std::uint64_t>(total_ - from, kept_.size());
  std::size_t start = kept_.size() - missing;
  if (from == 0 && total_ > kept_.size()) start = std::min(kept_.find('\n', start), kept_.size() - 1) + 1;
  return {kept_.substr(start), total_, closed_};
}

}  // namespace kvmtest::console
